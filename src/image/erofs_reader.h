// Reads EROFS images (Linux fs/erofs/erofs_fs.h) as mkfs.erofs of erofs-utils 1.8 writes them for
// us: flat, inline and zstd-compressed files with full or compact indexes and big clusters. Pure:
// bytes in, nodes out. Hostile images are kMalformed with the place; features outside of this list
// kUnavailable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

struct ErofsNode {
  std::string path;   // absolute, "/" for the root
  unsigned mode = 0;  // with the type bits of st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  uint64_t nid = 0;  // equal for hard links
};

class ErofsReader {
 public:
  // Checks the superblock. The bytes must outlive the reader. Thread-safe once made.
  static Result<ErofsReader> Open(std::string_view image);

  // Every node, sorted by path in byte order.
  Result<std::vector<ErofsNode>> List() const;

  // Content of a regular file, or the target of a symlink.
  Result<std::string> Read(uint64_t nid) const;

 private:
  struct Inode {
    uint64_t offset = 0;  // of what follows inode and xattrs
    unsigned layout = 0;
    unsigned mode = 0;
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint64_t size = 0;
    uint32_t block = 0;  // i_u
  };
  struct Extent {
    uint64_t logical = 0;
    uint64_t block = 0;
    uint64_t blocks = 1;
    bool plain = false;
  };
  struct Cluster;
  class ClusterIndex;

  explicit ErofsReader(std::string_view image) : image_(image) {}
  Result<Inode> ReadInode(uint64_t nid) const;
  Result<std::string> ReadFlat(const Inode& inode) const;
  Result<std::string> ReadCompressed(const Inode& inode) const;
  Result<std::vector<Extent>> Extents(const ClusterIndex& index) const;
  Status Inflate(const Extent& extent, uint64_t end, bool interlaced, std::string& out) const;
  Status Walk(uint64_t nid, const std::string& path, int depth, std::vector<ErofsNode>& out) const;
  Status WalkBlock(std::string_view block, const std::string& path, int depth,
                   std::vector<ErofsNode>& out) const;
  Result<std::string_view> Slice(uint64_t offset, uint64_t size) const;

  std::string_view image_;
  unsigned block_bits_ = 12;
  uint64_t meta_offset_ = 0;
  uint64_t root_nid_ = 0;
};

}  // namespace lethe::image
