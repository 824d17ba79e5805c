// Reads EROFS images (Linux fs/erofs/erofs_fs.h) as mkfs.erofs of erofs-utils 1.8 writes them:
// flat, inline and zstd-compressed files with full or compact indexes, big clusters and packed
// tails. Pure: bytes in, nodes out. Hostile images are kMalformed with the place; features outside
// of this list (LZ4, chunks, fragments, other devices, 48-bit) are kUnavailable.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/erofs_map.h"

namespace lethe::image {

struct ErofsNode {
  std::string path;   // absolute, "/" for the root
  unsigned mode = 0;  // with the type bits of st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  uint64_t nid = 0;  // equal for hard links
  bool has_xattrs = false;
};

struct ErofsXattr {
  std::string name;  // with its prefix: "security.capability"
  std::string value;
};

// Where one node lies in the image, and what of its metadata a listing leaves out.
struct ErofsPlace {
  ErofsInode inode;
  std::vector<ErofsExtent> extents;  // in the order of the content
};

class ErofsReader {
 public:
  using Sink = std::function<Status(std::string_view)>;

  // Checks the superblock, its checksum among it. The bytes must outlive the reader. Thread-safe
  // once made.
  static Result<ErofsReader> Open(std::string_view image);

  // Every node, sorted by path in byte order. kMalformed also for a tree beyond the limits (a
  // million nodes, 64 folders deep, 256 MiB of folders or of paths, 16 GiB of content) and for a
  // folder that is there twice.
  Result<std::vector<ErofsNode>> List() const;

  // Content of a regular file, or the target of a symlink, in order, in pieces. Compressed pieces
  // have at most 12 MiB. kMalformed beyond max_bytes, before anything is read; an error of the sink
  // ends the reading.
  Status ReadTo(uint64_t nid, uint64_t max_bytes, const Sink& sink) const;

  // The same as one string.
  Result<std::string> Read(uint64_t nid, uint64_t max_bytes = 64U << 20) const;

  // kMalformed and kUnavailable as ReadTo.
  Result<ErofsPlace> Place(uint64_t nid) const;

  // Extended attributes in stored order: those of this node alone behind the shared ones. The
  // format itself allows no more than 17 MiB of them.
  Result<std::vector<ErofsXattr>> Xattrs(uint64_t nid) const;

 private:
  class Inflater;
  struct Listing;

  ErofsReader() = default;
  Result<ErofsInode> ReadInode(uint64_t nid) const;
  Result<uint64_t> ReadXattr(uint64_t at, ErofsXattr& out) const;
  Status Walk(uint64_t nid, const std::string& path, int depth, Listing& listing) const;
  Status WalkBlock(std::string_view block, const std::string& path, int depth,
                   Listing& listing) const;

  ErofsImage image_;
  uint64_t meta_offset_ = 0;
  uint64_t xattr_offset_ = 0;  // of shared ones
  uint64_t build_time_unix_s_ = 0;
  uint64_t root_nid_ = 0;
};

}  // namespace lethe::image
