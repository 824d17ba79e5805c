// Where the content of one EROFS file lies: which bytes of the image become which bytes of the
// file. Private to the EROFS reader. Format: Linux fs/erofs/erofs_fs.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

// An image whose superblock was read. The bytes belong to the caller.
struct ErofsImage {
  std::string_view bytes;
  unsigned block_bits = 12;  // 9 to 16

  uint64_t block() const { return uint64_t{1} << block_bits; }
  // kMalformed where the range is not inside of the image.
  Result<std::string_view> Slice(uint64_t offset, uint64_t size) const;
};

struct ErofsInode {
  uint64_t at = 0;    // of the inode itself
  uint64_t data = 0;  // of what follows inode and extended attributes
  unsigned layout = 0;
  unsigned mode = 0;  // with the type bits of st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  uint32_t info = 0;  // i_u: block address
  uint64_t xattr_bytes = 0;
  uint64_t mtime_unix_s = 0;  // of a compact inode: when the image was built
  uint32_t links = 1;
  uint32_t number = 0;  // st_ino
};

enum class ErofsCoding {
  kPlain,       // the stored bytes are the content
  kInterlaced,  // the same, rotated: the content's place in its block is kept
  kZstd,
};

struct ErofsExtent {
  uint64_t logical = 0;  // place in the file
  uint64_t length = 0;   // bytes of the file
  uint64_t at = 0;       // place in the image
  uint64_t stored = 0;   // bytes of the image
  ErofsCoding coding = ErofsCoding::kPlain;
};

// "EROFS at byte N: what".
Error BadErofs(uint64_t offset, std::string_view what);
Error UnsupportedErofs(std::string_view what);

// Little-endian number at a place that the caller has checked.
template <typename T>
T ErofsNumber(std::string_view bytes, size_t at) {
  uint64_t out = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    out |= uint64_t{static_cast<uint8_t>(bytes[at + i])} << (8 * i);
  return static_cast<T>(out);
}

// The extents of a file, without gaps, from 0 to its size. Each compressed one is at most 12 MiB
// long and 1 MiB stored (the kernel's own limits), and lies inside of the image. kMalformed names
// the inode's place; kUnavailable another algorithm than zstd, another layout.
Result<std::vector<ErofsExtent>> MapErofsFile(const ErofsImage& image, const ErofsInode& inode);

}  // namespace lethe::image
