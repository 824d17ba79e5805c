// A scratch folder with a living owner: other processes can tell it from one that a killed build
// left behind.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace lethe::image {

// Holds a lock on a file inside the folder, so that the kernel knows whether the owner lives.
class OwnedDir {
 public:
  // Creates `<parent>/<prefix>XXXXXX`, after RemoveAbandoned(parent, prefix).
  static Result<OwnedDir> Create(const std::filesystem::path& parent, std::string_view prefix);

  const std::filesystem::path& path() const { return directory_.path(); }

 private:
  OwnedDir(ScratchDir directory, FileLock lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}

  ScratchDir directory_;
  FileLock lock_;  // goes first: NFS and FUSE keep a folder while a file of it is open
};

// The folders in `parent` whose names begin with `prefix` and whose owner is dead. Such a folder
// without a lock file counts a day after its last change: its owner may be about to lock it.
std::vector<std::filesystem::path> FindAbandoned(const std::filesystem::path& parent,
                                                 std::string_view prefix);

// Removes them, also what a build's sandbox wrote under other ids. What cannot be removed stays:
// it is in nobody's way.
void RemoveAbandoned(const std::filesystem::path& parent, std::string_view prefix);

}  // namespace lethe::image
