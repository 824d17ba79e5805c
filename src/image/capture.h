// A configured root on disk, turned into a Tree and back: `index.json` (metadata and digests) and
// `data` (the contents, one after another) in one folder.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "image/tree.h"

namespace lethe::image {

// Walks `root` (a mounted or unpacked file system that dpkg knows) and writes the two files to the
// existing folder `output`. Each node gets the package whose file list names it. Devices, pipes and
// sockets are kMalformed outside of /dev; what lies in /dev, /proc, /run, /sys and /tmp is left
// out.
Status WriteCapture(const std::filesystem::path& root, const std::filesystem::path& output);

// The captured tree; `data` stays mapped while the tree lives. kMalformed for a damaged capture.
Result<Tree> ReadCapture(const std::filesystem::path& output);

// Maps a whole file for reading. The view is valid as long as the owner.
struct MappedFile {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};
Result<MappedFile> MapFile(const std::filesystem::path& path);

}  // namespace lethe::image
