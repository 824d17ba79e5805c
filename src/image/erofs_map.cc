#include "image/erofs_map.h"

#include <algorithm>
#include <string>

namespace lethe::image {
namespace {

enum Layout {
  kFlatPlain = 0,
  kCompressedFull = 1,
  kFlatInline = 2,
  kCompressedCompact = 3,
  kChunked = 4
};
enum ClusterType { kPlainHead = 0, kHead1 = 1, kNonHead = 2, kHead2 = 3 };

constexpr uint64_t kMaxDecoded = 12U << 20;  // Z_EROFS_PCLUSTER_MAX_DSIZE
constexpr uint64_t kMaxStored = 1U << 20;    // Z_EROFS_PCLUSTER_MAX_SIZE

// z_erofs_map_header.h_advise
constexpr unsigned kTwoBytes = 1, kBig1 = 2, kBig2 = 4, kInlineTail = 8, kRotated = 16,
                   kFragmentTail = 32, kKnownAdvice = 63;
constexpr unsigned kBlockCountFlag = 1 << 11;  // Z_EROFS_LI_D0_CBLKCNT
constexpr unsigned kAlgorithmZstd = 3;

// z_erofs_map_header
struct Header {
  unsigned tail_bytes = 0;
  unsigned advise = 0;
  unsigned algorithms[2] = {0, 0};
  unsigned cluster_bits = 0;

  bool Has(unsigned advice) const { return (advise & advice) != 0; }
};

// One entry of the cluster index.
struct Cluster {
  unsigned type = kPlainHead;
  unsigned offset = 0;       // where the extent of a head starts in its cluster
  uint64_t block = 0;        // of a head
  unsigned block_count = 0;  // of a big cluster, told by the entry behind its head; 0: not told
};

// The index behind the header: entries of 8 bytes ("full"), or packs ("compact": two entries in 8
// bytes, or sixteen in 32, each pack with one base address at its end).
class ClusterIndex {
 public:
  static Result<ClusterIndex> Open(const ErofsImage& image, const ErofsInode& inode,
                                   const Header& header) {
    ClusterIndex index;
    index.bits_ = header.cluster_bits;
    index.big_ = header.Has(kBig1);
    index.full_ = inode.layout == kCompressedFull;
    index.count_ = (inode.size + (1ULL << index.bits_) - 1) >> index.bits_;
    const uint64_t start = (inode.data + 7) / 8 * 8 + 8 + (index.full_ ? 8 : 0);
    uint64_t bytes = index.count_ * 8;
    if (!index.full_) {
      // How the kernel counts packs of larger clusters is not what mkfs.erofs ever writes.
      if (index.bits_ != image.block_bits || index.bits_ > 14 ||
          (header.Has(kTwoBytes) && index.bits_ > 12)) {
        return UnsupportedErofs("a compact index of " + std::to_string(1U << index.bits_) +
                                "-byte clusters");
      }
      // Packs of two lead up to a 32-byte boundary; a short file has nothing else.
      index.initial_ = std::min((32 - start % 32) / 4 % 8, (index.count_ + 1) / 2 * 2);
      const uint64_t behind = index.count_ - std::min(index.count_, index.initial_);
      index.middle_ = header.Has(kTwoBytes) ? behind / 16 * 16 : 0;
      // The last pack of two is whole even where the file ends in its first half.
      bytes = index.initial_ * 4 + index.middle_ * 2 + (behind - index.middle_ + 1) / 2 * 8;
    }
    index.entries_ = LETHE_TRY(image.Slice(start, bytes));
    index.end_ = start + bytes;
    return index;
  }

  uint64_t count() const { return count_; }
  uint64_t end() const { return end_; }

  Result<Cluster> At(uint64_t i) const { return full_ ? FullAt(i) : CompactAt(i); }

 private:
  struct Pack {
    uint64_t at;       // byte offset in entries_
    unsigned entries;  // 2 or 16
    unsigned index;    // of the wanted entry
    unsigned width;    // bits of an entry
  };
  struct Entry {
    unsigned low;
    unsigned type;
  };

  Cluster FullAt(uint64_t i) const {
    Cluster cluster;
    cluster.type = ErofsNumber<uint16_t>(entries_, i * 8) & 3;
    cluster.offset = ErofsNumber<uint16_t>(entries_, i * 8 + 2);
    cluster.block = ErofsNumber<uint32_t>(entries_, i * 8 + 4);
    if (cluster.type == kNonHead) {
      const unsigned delta = ErofsNumber<uint16_t>(entries_, i * 8 + 4);
      cluster.block_count = (delta & kBlockCountFlag) != 0 ? delta & ~kBlockCountFlag : 0;
    }
    return cluster;
  }

  Pack PackOf(uint64_t i) const {
    if (i < initial_) return {i / 2 * 8, 2, static_cast<unsigned>(i % 2), 16};
    i -= initial_;
    if (i < middle_) return {initial_ * 4 + i / 16 * 32, 16, static_cast<unsigned>(i % 16), 14};
    i -= middle_;
    return {initial_ * 4 + middle_ * 2 + i / 2 * 8, 2, static_cast<unsigned>(i % 2), 16};
  }

  Entry Decode(const Pack& pack, unsigned index) const {
    const unsigned low_bits = std::max(bits_, 12U);
    const unsigned bit = index * pack.width;
    const uint32_t value = ErofsNumber<uint32_t>(entries_, pack.at + bit / 8) >> (bit % 8);
    return {value & ((1U << low_bits) - 1), (value >> low_bits) & 3};
  }

  Result<Cluster> CompactAt(uint64_t i) const {
    const Pack pack = PackOf(i);
    const Entry entry = Decode(pack, pack.index);
    Cluster cluster{.type = entry.type};
    if (entry.type == kNonHead) {
      cluster.block_count = (entry.low & kBlockCountFlag) != 0 ? entry.low & ~kBlockCountFlag : 0;
      return cluster;
    }
    cluster.offset = entry.low;
    const uint64_t base_at = pack.at + (pack.entries == 2 ? 4 : 28);
    cluster.block = ErofsNumber<uint32_t>(entries_, base_at) + LETHE_TRY(BlocksBefore(pack));
    return cluster;
  }

  // A pack tells the block before its first head; what lies between is counted here, backwards:
  // extents of earlier heads take one block, or as many as the entry behind the head tells.
  Result<uint64_t> BlocksBefore(const Pack& pack) const {
    uint64_t blocks = big_ ? 0 : 1;
    for (int k = static_cast<int>(pack.index) - 1; k >= 0; --k) {
      const Entry before = Decode(pack, static_cast<unsigned>(k));
      const int low = static_cast<int>(before.low);
      if (before.type != kNonHead) {
        ++blocks;
      } else if (!big_) {
        k -= low;
        if (k >= 0) ++blocks;
      } else if ((before.low & kBlockCountFlag) != 0) {
        blocks += before.low & ~kBlockCountFlag;
        --k;
      } else if (low <= 1) {
        return BadErofs(end_, "compact index before here: bad distance");
      } else {
        k -= low - 2;
      }
    }
    return blocks;
  }

  std::string_view entries_;
  unsigned bits_ = 12;
  bool big_ = false;
  bool full_ = false;
  uint64_t count_ = 0;
  uint64_t initial_ = 0;
  uint64_t middle_ = 0;
  uint64_t end_ = 0;
};

Result<Header> ReadHeader(const ErofsImage& image, const ErofsInode& inode) {
  const std::string_view raw = LETHE_TRY(image.Slice((inode.data + 7) / 8 * 8, 8));
  Header header;
  const auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(raw[i])); };
  header.tail_bytes = ErofsNumber<uint16_t>(raw, 2);
  header.advise = ErofsNumber<uint16_t>(raw, 4);
  header.algorithms[0] = byte(6) & 15;
  header.algorithms[1] = byte(6) >> 4;
  header.cluster_bits = image.block_bits + (byte(7) & 7);
  if ((header.advise & ~kKnownAdvice) != 0)
    return UnsupportedErofs("a file with layout advice " + std::to_string(header.advise));
  if (ErofsNumber<uint64_t>(raw, 0) >> 63 != 0 || header.Has(kFragmentTail))
    return UnsupportedErofs("a file of fragments");
  return header;
}

Result<ErofsCoding> CodingOf(const Header& header, unsigned type) {
  if (type == kPlainHead)
    return header.Has(kRotated) ? ErofsCoding::kInterlaced : ErofsCoding::kPlain;
  const unsigned algorithm = header.algorithms[type == kHead2 ? 1 : 0];
  if (algorithm != kAlgorithmZstd) {
    constexpr const char* kNames[] = {"LZ4", "LZMA", "DEFLATE"};
    return UnsupportedErofs("compression by " + (algorithm < 3 ? std::string(kNames[algorithm])
                                                               : std::to_string(algorithm)));
  }
  return ErofsCoding::kZstd;
}

// The extent of the head at `i`, its length still open.
Result<ErofsExtent> HeadExtent(const ErofsImage& image, const ErofsInode& inode,
                               const Header& header, const ClusterIndex& index, uint64_t i) {
  const Cluster head = LETHE_TRY(index.At(i));
  const bool big = header.Has(head.type == kHead1 ? kBig1 : kBig2);
  uint64_t blocks = 1;
  if (big && i + 1 < index.count()) {
    const Cluster next = LETHE_TRY(index.At(i + 1));
    if (next.type == kNonHead) blocks = next.block_count;
    if (blocks == 0) return BadErofs(inode.at, "big cluster without a length");
  }
  return ErofsExtent{.logical = (i << header.cluster_bits) + head.offset,
                     .at = head.block << image.block_bits,
                     .stored = blocks << image.block_bits,
                     .coding = LETHE_TRY(CodingOf(header, head.type))};
}

Status PackedTail(const ErofsImage& image, const ErofsInode& inode, const Header& header,
                  const ClusterIndex& index, ErofsExtent& tail) {
  if (header.Has(kInlineTail)) {
    tail.at = index.end();
    tail.stored = header.tail_bytes;
    if (tail.stored == 0 || tail.at % image.block() + tail.stored > image.block())
      return BadErofs(inode.at, "packed tail crosses a block");
  }
  return {};
}

Status CheckExtent(const ErofsImage& image, const ErofsInode& inode, const ErofsExtent& extent) {
  if (extent.length > kMaxDecoded || extent.stored > kMaxStored)
    return BadErofs(inode.at, "cluster larger than 12 MiB, or 1 MiB stored");
  if (extent.coding != ErofsCoding::kZstd && extent.length > extent.stored)
    return BadErofs(inode.at, "plain cluster is too short");
  LETHE_TRY(image.Slice(extent.at, extent.stored));
  return {};
}

Result<std::vector<ErofsExtent>> MapCompressed(const ErofsImage& image, const ErofsInode& inode) {
  const Header header = LETHE_TRY(ReadHeader(image, inode));
  const ClusterIndex index = LETHE_TRY(ClusterIndex::Open(image, inode, header));
  std::vector<ErofsExtent> extents;
  for (uint64_t i = 0; i < index.count(); ++i) {
    const Cluster cluster = LETHE_TRY(index.At(i));
    if (cluster.type == kNonHead) {
      if (extents.empty()) return BadErofs(inode.at, "compressed file without a first cluster");
      continue;
    }
    if (cluster.offset >> header.cluster_bits != 0 || (i == 0 && cluster.offset != 0))
      return BadErofs(inode.at, "cluster starts outside of its place");
    const ErofsExtent extent = LETHE_TRY(HeadExtent(image, inode, header, index, i));
    // The last cluster may have a head behind the end of the file.
    if (extent.logical >= inode.size) break;
    if (!extents.empty()) extents.back().length = extent.logical - extents.back().logical;
    extents.push_back(extent);
  }
  ErofsExtent& tail = extents.back();
  tail.length = inode.size - tail.logical;
  LETHE_TRY(PackedTail(image, inode, header, index, tail));
  for (const ErofsExtent& extent : extents) LETHE_TRY(CheckExtent(image, inode, extent));
  return extents;
}

Result<std::vector<ErofsExtent>> MapFlat(const ErofsImage& image, const ErofsInode& inode) {
  const uint64_t tail = inode.layout == kFlatInline ? inode.size % image.block() : 0;
  const uint64_t whole = inode.size - tail;
  const uint64_t start = uint64_t{inode.info} << image.block_bits;
  std::vector<ErofsExtent> extents;
  if (whole > 0) extents.push_back({.length = whole, .at = start, .stored = whole});
  if (tail > 0)
    extents.push_back({.logical = whole, .length = tail, .at = inode.data, .stored = tail});
  for (const ErofsExtent& extent : extents)
    LETHE_TRY_IN(image.Slice(extent.at, extent.stored),
                 "content of the inode at " + std::to_string(inode.at));
  return extents;
}

}  // namespace

Error BadErofs(uint64_t offset, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "EROFS at byte " + std::to_string(offset) + ": " + std::string(what)};
}

Error UnsupportedErofs(std::string_view what) {
  return Error{ErrorCode::kUnavailable, "EROFS: " + std::string(what) + " cannot be read here"};
}

Result<std::string_view> ErofsImage::Slice(uint64_t offset, uint64_t size) const {
  if (offset > bytes.size() || size > bytes.size() - offset)
    return BadErofs(offset, "outside of the image");
  return bytes.substr(offset, size);
}

Result<std::vector<ErofsExtent>> MapErofsFile(const ErofsImage& image, const ErofsInode& inode) {
  if (inode.size == 0) return std::vector<ErofsExtent>{};
  switch (inode.layout) {
    case kFlatPlain:
    case kFlatInline:
      return MapFlat(image, inode);
    case kCompressedFull:
    case kCompressedCompact:
      return MapCompressed(image, inode);
    case kChunked:
      return UnsupportedErofs("a file of chunks");
    default:
      return BadErofs(inode.at, "data layout " + std::to_string(inode.layout));
  }
}

}  // namespace lethe::image
