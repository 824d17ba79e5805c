// Debian binary packages (deb(5)): reads one and unpacks it below a folder. Nothing in a package
// can write outside that folder: names are checked and folders are opened with
// openat2(RESOLVE_IN_ROOT). Errors name the member; the caller puts the package's name in front.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "archive/archive.h"
#include "base/result.h"

namespace lethe::image {

struct DebEntry {
  std::string path;  // absolute, clean
  archive::EntryType type;
  unsigned mode;
  uint32_t uid;
  uint32_t gid;
  std::string target;  // of a symlink
};

struct DebContents {
  std::map<std::string, std::string> control;  // files of control.tar: "control", "postinst", …
  std::vector<DebEntry> entries;               // of data.tar, in its order
};

struct UnpackOptions {
  bool owners = false;  // set owners and set-id bits; needs root in a user namespace
  // Paths for which this holds are read over.
  std::function<bool(std::string_view path)> skip;
};

// Unpacks files and links; folders are only created (mode 0755): their metadata is in the entries,
// for the caller to apply in an order that does not depend on timing. kMalformed for a damaged or
// hostile package (also one that unpacks to more than 4 GiB), kConflict for a file that another
// package put there already.
Result<DebContents> UnpackDeb(const std::filesystem::path& deb, int root_fd,
                              const UnpackOptions& options);

// kMalformed where a control file is not one stanza with each field once, kConflict where it is
// another package's than the one that was asked for.
Status CheckDebControl(std::string_view control, std::string_view name,
                       std::string_view architecture);

// Only the files of control.tar.
Result<std::map<std::string, std::string>> ReadDebControl(const std::filesystem::path& deb);

// Unpacks nothing: reads the files and symlinks of data.tar for which `wanted` holds and hands them
// over, with the bytes of files. kMalformed for a wanted hard link or device.
Status ReadDebFiles(const std::filesystem::path& deb,
                    const std::function<bool(std::string_view path)>& wanted,
                    const std::function<Status(const DebEntry&, std::string bytes)>& sink);

}  // namespace lethe::image
