// Writes a tree as a tar stream (POSIX ustar with pax headers for long names): byte order, fixed
// times, numeric owners. The stream is the only thing that the file system writer sees.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "image/tree.h"

namespace lethe::image {

// kMalformed for what tar cannot hold (a file over 8 GiB).
Status WriteTar(const Tree& tree, uint64_t mtime_unix_s, const std::filesystem::path& path);

}  // namespace lethe::image
