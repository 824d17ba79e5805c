#include "image/erofs_reader.h"

#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace lethe::image {
namespace {

constexpr uint64_t kSuperOffset = 1024;
constexpr uint32_t kMagic = 0xe0f5e1e2;
constexpr uint64_t kSlot = 32;  // unit of node ids
constexpr uint64_t kMaxFile = 4ULL << 30;
constexpr size_t kMaxNodes = 1000000;
constexpr int kMaxDepth = 64;

// feature_incompat: zero padding, big clusters and compression configurations are read; the rest
// (device table, chunks, tail packing, fragments, xattr prefixes) is not.
constexpr uint32_t kKnownFeatures = 0x1 | 0x2;

enum Layout { kFlatPlain = 0, kCompressedFull = 1, kFlatInline = 2, kCompressedCompact = 3 };
enum ClusterType { kPlain = 0, kHead1 = 1, kNonHead = 2, kHead2 = 3 };

constexpr unsigned kBlockCountFlag = 1 << 11;  // Z_EROFS_LI_D0_CBLKCNT
constexpr unsigned kAdvise2B = 1, kAdviseBig1 = 2, kAdviseBig2 = 4, kAdviseInterlaced = 16;
constexpr unsigned kAlgorithmZstd = 3;

template <typename T>
T Little(std::string_view bytes, size_t at) {
  T out = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    out = static_cast<T>(
        out | static_cast<T>(static_cast<T>(static_cast<uint8_t>(bytes[at + i])) << (8 * i)));
  return out;
}

Error Bad(uint64_t offset, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "EROFS at byte " + std::to_string(offset) + ": " + std::string(what)};
}

Error Unsupported(std::string_view what) {
  return Error{ErrorCode::kUnavailable, "EROFS: " + std::string(what) + " cannot be read here"};
}

}  // namespace

// One entry of the cluster index of a compressed file.
struct ErofsReader::Cluster {
  unsigned type = kPlain;
  unsigned offset = 0;       // where the extent of a head starts in its cluster
  uint64_t block = 0;        // of a head
  unsigned block_count = 0;  // of a big cluster, told by the entry behind its head; 0: not told
};

// The index behind a compressed inode: z_erofs_map_header, then entries of 8 bytes ("full") or
// packs
// ("compact": two entries in 8 bytes, or sixteen in 32, each pack with one base address at its
// end).
class ErofsReader::ClusterIndex {
 public:
  static Result<ClusterIndex> Open(const ErofsReader& reader, const Inode& inode) {
    ClusterIndex index;
    const uint64_t header_at = (inode.offset + 7) / 8 * 8;
    const std::string_view header = LETHE_TRY(reader.Slice(header_at, 8));
    index.advise_ = Little<uint16_t>(header, 4);
    index.bits_ = reader.block_bits_ + (static_cast<uint8_t>(header[7]) & 7);
    const unsigned algorithm = static_cast<uint8_t>(header[6]) & 15;
    if ((static_cast<uint8_t>(header[7]) & 0x80) != 0 ||
        (index.advise_ & ~(kAdvise2B | kAdviseBig1 | kAdviseBig2 | kAdviseInterlaced)) != 0) {
      return Unsupported("a file with packed tails or fragments");
    }
    if (algorithm != kAlgorithmZstd)
      return Unsupported("compression algorithm " + std::to_string(algorithm));
    index.count_ = (inode.size + (1ULL << index.bits_) - 1) >> index.bits_;
    index.full_ = inode.layout == kCompressedFull;
    index.size_ = inode.size;
    const uint64_t start = header_at + 8 + (index.full_ ? 8 : 0);
    if (!index.full_) {
      // Packs of two lead up to a 32-byte boundary; a short file has nothing else.
      index.initial_ = (32 - start % 32) / 4 % 8;
      if (index.initial_ >= index.count_) index.initial_ = (index.count_ + 1) / 2 * 2;
      const bool two_bytes = (index.advise_ & kAdvise2B) != 0;
      index.middle_ = two_bytes && index.count_ > index.initial_
                          ? (index.count_ - index.initial_) / 16 * 16
                          : 0;
    }
    // The last pack of two is whole even where the file ends in its first half.
    const uint64_t rest = index.count_ - std::min(index.count_, index.initial_ + index.middle_);
    const uint64_t bytes = index.full_
                               ? index.count_ * 8
                               : index.initial_ * 4 + index.middle_ * 2 + (rest + 1) / 2 * 8;
    index.entries_ = LETHE_TRY(reader.Slice(start, bytes));
    return index;
  }

  uint64_t count() const { return count_; }
  unsigned bits() const { return bits_; }
  uint64_t size() const { return size_; }
  bool interlaced() const { return (advise_ & kAdviseInterlaced) != 0; }
  bool Big(unsigned type) const {
    return (advise_ & (type == kHead1 ? kAdviseBig1 : kAdviseBig2)) != 0;
  }

  Result<Cluster> At(uint64_t i) const { return full_ ? FullAt(i) : CompactAt(i); }

 private:
  Result<Cluster> FullAt(uint64_t i) const {
    Cluster cluster;
    cluster.type = Little<uint16_t>(entries_, i * 8) & 3;
    cluster.offset = Little<uint16_t>(entries_, i * 8 + 2);
    cluster.block = Little<uint32_t>(entries_, i * 8 + 4);
    if (cluster.type == kNonHead) {
      const unsigned delta = Little<uint16_t>(entries_, i * 8 + 4);
      cluster.block_count = (delta & kBlockCountFlag) != 0 ? delta & (kBlockCountFlag - 1) : 0;
    }
    return cluster;
  }

  struct Pack {
    uint64_t at;       // byte offset in entries_
    unsigned entries;  // 2 or 16
    unsigned index;    // of the wanted entry
    unsigned width;    // bits of an entry
  };

  Pack PackOf(uint64_t i) const {
    if (i < initial_) return {i / 2 * 8, 2, static_cast<unsigned>(i % 2), 16};
    i -= initial_;
    if (i < middle_) return {initial_ * 4 + i / 16 * 32, 16, static_cast<unsigned>(i % 16), 14};
    i -= middle_;
    return {initial_ * 4 + middle_ * 2 + i / 2 * 8, 2, static_cast<unsigned>(i % 2), 16};
  }

  // Low bits and type of one entry of a pack.
  std::pair<unsigned, unsigned> Decode(const Pack& pack, unsigned index) const {
    const unsigned low_bits = std::max(bits_, 12U);
    const unsigned bit = index * pack.width;
    const uint64_t byte = pack.at + bit / 8;
    uint32_t value = 0;
    for (unsigned k = 0; k < 4 && byte + k < entries_.size(); ++k)
      value |= uint32_t{static_cast<uint8_t>(entries_[byte + k])} << (8 * k);
    value >>= bit % 8;
    return {value & ((1U << low_bits) - 1), (value >> low_bits) & 3};
  }

  Result<Cluster> CompactAt(uint64_t i) const {
    const Pack pack = PackOf(i);
    const auto [low, type] = Decode(pack, pack.index);
    Cluster cluster{.type = type};
    if (type == kNonHead) {
      cluster.block_count = (low & kBlockCountFlag) != 0 ? low & (kBlockCountFlag - 1) : 0;
      return cluster;
    }
    cluster.offset = low;
    // The pack tells the block before its first head; earlier heads of the pack move it on.
    const bool big = (advise_ & kAdviseBig1) != 0;
    uint64_t blocks = big ? 0 : 1;
    for (int k = static_cast<int>(pack.index); k > 0;) {
      --k;
      const auto [before, before_type] = Decode(pack, static_cast<unsigned>(k));
      if (before_type == kNonHead && big) {
        if ((before & kBlockCountFlag) != 0) {
          --k;
          blocks += before & (kBlockCountFlag - 1);
          continue;
        }
        if (before <= 1) return Bad(pack.at, "compact index: bad distance");
        k -= static_cast<int>(before) - 2;
        continue;
      }
      if (before_type == kNonHead) {
        k -= static_cast<int>(before);
        if (k >= 0) ++blocks;
        continue;
      }
      ++blocks;
    }
    const uint64_t base_at = pack.at + (pack.entries == 2 ? 4 : 28);
    cluster.block = Little<uint32_t>(entries_, base_at) + blocks;
    return cluster;
  }

  std::string_view entries_;
  unsigned advise_ = 0;
  unsigned bits_ = 12;
  uint64_t count_ = 0;
  uint64_t size_ = 0;
  uint64_t initial_ = 0;
  uint64_t middle_ = 0;
  bool full_ = false;
};

Result<std::string_view> ErofsReader::Slice(uint64_t offset, uint64_t size) const {
  if (offset > image_.size() || size > image_.size() - offset)
    return Bad(offset, "outside of the image");
  return image_.substr(offset, size);
}

Result<ErofsReader> ErofsReader::Open(std::string_view image) {
  ErofsReader reader(image);
  const std::string_view super = LETHE_TRY(reader.Slice(kSuperOffset, 128));
  if (Little<uint32_t>(super, 0) != kMagic) return Bad(kSuperOffset, "not an EROFS image");
  reader.block_bits_ = static_cast<uint8_t>(super[12]);
  if (reader.block_bits_ < 9 || reader.block_bits_ > 16)
    return Bad(kSuperOffset + 12, "block size");
  reader.root_nid_ = Little<uint16_t>(super, 14);
  reader.meta_offset_ = uint64_t{Little<uint32_t>(super, 40)} << reader.block_bits_;
  const uint32_t features = Little<uint32_t>(super, 80);
  if ((features & ~kKnownFeatures) != 0)
    return Unsupported("feature " + std::to_string(features & ~kKnownFeatures));
  return reader;
}

Result<ErofsReader::Inode> ErofsReader::ReadInode(uint64_t nid) const {
  if (nid > image_.size() / kSlot)
    return Bad(meta_offset_, "node " + std::to_string(nid) + " is outside of the image");
  const uint64_t at = meta_offset_ + nid * kSlot;
  const uint16_t format = Little<uint16_t>(LETHE_TRY(Slice(at, 32)), 0);
  const bool extended = (format & 1) != 0;
  const std::string_view raw = LETHE_TRY(Slice(at, extended ? 64 : 32));
  Inode inode;
  inode.layout = (format >> 1) & 7;
  inode.mode = Little<uint16_t>(raw, 4);
  inode.size = extended ? Little<uint64_t>(raw, 8) : Little<uint32_t>(raw, 8);
  inode.block = Little<uint32_t>(raw, 16);
  inode.uid = extended ? Little<uint32_t>(raw, 24) : Little<uint16_t>(raw, 24);
  inode.gid = extended ? Little<uint32_t>(raw, 28) : Little<uint16_t>(raw, 26);
  const uint16_t xattrs = Little<uint16_t>(raw, 2);
  inode.offset = at + raw.size() + (xattrs == 0 ? 0 : 12 + 4 * (uint64_t{xattrs} - 1));
  if (inode.size > kMaxFile) return Bad(at, "file larger than 4 GiB");
  return inode;
}

Result<std::string> ErofsReader::ReadFlat(const Inode& inode) const {
  const uint64_t start = uint64_t{inode.block} << block_bits_;
  if (inode.layout == kFlatPlain) return std::string(LETHE_TRY(Slice(start, inode.size)));
  const uint64_t whole = inode.size >> block_bits_ << block_bits_;
  std::string out(LETHE_TRY(Slice(whole == 0 ? 0 : start, whole)));
  out += LETHE_TRY(Slice(inode.offset, inode.size - whole));
  return out;
}

Result<std::vector<ErofsReader::Extent>> ErofsReader::Extents(const ClusterIndex& index) const {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < index.count(); ++i) {
    const Cluster cluster = LETHE_TRY(index.At(i));
    if (cluster.type == kNonHead) {
      if (extents.empty()) return Bad(0, "compressed file without a first cluster");
      continue;
    }
    Extent extent{.logical = (i << index.bits()) + cluster.offset,
                  .block = cluster.block,
                  .plain = cluster.type == kPlain};
    if (cluster.offset >= (1U << index.bits()) ||
        (extents.empty() ? extent.logical != 0 : extent.logical <= extents.back().logical)) {
      return Bad(0, "compressed file with overlapping clusters");
    }
    if (index.Big(cluster.type) && i + 1 < index.count()) {
      const Cluster next = LETHE_TRY(index.At(i + 1));
      if (next.type == kNonHead) extent.blocks = next.block_count;
      if (extent.blocks == 0) return Bad(0, "big cluster without a length");
    }
    // A head may lie in the last cluster behind the end of the file.
    if (extent.logical < index.size()) extents.push_back(extent);
  }
  return extents;
}

Status ErofsReader::Inflate(const Extent& extent, uint64_t end, bool interlaced,
                            std::string& out) const {
  const uint64_t block = 1ULL << block_bits_;
  const uint64_t length = end - extent.logical;
  const uint64_t at = extent.block << block_bits_;
  std::string_view packed = LETHE_TRY(Slice(at, extent.blocks << block_bits_));
  if (extent.plain) {
    if (length > packed.size()) return Bad(at, "plain cluster is too short");
    const uint64_t shift = interlaced ? extent.logical % block : 0;
    const uint64_t first = std::min(length, packed.size() - shift);
    out += packed.substr(shift, first);
    out += packed.substr(0, length - first);
    return {};
  }
  // The compressed data ends with its last block; zeros fill the first one.
  const size_t data = packed.find_first_not_of('\0');
  if (data == std::string_view::npos || data >= block) return Bad(at, "empty cluster");
  packed.remove_prefix(data);
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   ZSTD_freeDCtx);
  std::string piece(length, '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  ZSTD_outBuffer result{piece.data(), piece.size(), 0};
  while (result.pos < result.size) {
    const size_t before = in.pos + result.pos;
    if (ZSTD_isError(ZSTD_decompressStream(context.get(), &result, &in)) != 0U ||
        in.pos + result.pos == before) {
      return Bad(at, "damaged compressed data");
    }
  }
  out += piece;
  return {};
}

Result<std::string> ErofsReader::ReadCompressed(const Inode& inode) const {
  const ClusterIndex index = LETHE_TRY(ClusterIndex::Open(*this, inode));
  const auto extents = LETHE_TRY(Extents(index));
  std::string out;
  // A cluster of 1 MiB at most can become much more: bounded by the size that the inode states.
  out.reserve(std::min<uint64_t>(inode.size, 64ULL << 20));
  for (size_t i = 0; i < extents.size(); ++i) {
    const uint64_t end = i + 1 < extents.size() ? extents[i + 1].logical : inode.size;
    LETHE_TRY(Inflate(extents[i], end, index.interlaced(), out));
  }
  if (out.size() != inode.size) return Bad(inode.offset, "compressed file has another size");
  return out;
}

Result<std::string> ErofsReader::Read(uint64_t nid) const {
  const Inode inode = LETHE_TRY(ReadInode(nid));
  switch (inode.layout) {
    case kFlatPlain:
    case kFlatInline:
      return ReadFlat(inode);
    case kCompressedFull:
    case kCompressedCompact:
      return ReadCompressed(inode);
    default:
      return Unsupported("data layout " + std::to_string(inode.layout));
  }
}

Status ErofsReader::WalkBlock(std::string_view block, const std::string& path, int depth,
                              std::vector<ErofsNode>& out) const {
  constexpr size_t kEntry = 12;
  const auto bad = [&] { return Bad(0, "damaged folder " + path); };
  if (block.size() < kEntry) return bad();
  const size_t names = Little<uint16_t>(block, 8);
  if (names % kEntry != 0 || names == 0 || names > block.size()) return bad();
  const size_t count = names / kEntry;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = Little<uint16_t>(block, i * kEntry + 8);
    const size_t end = i + 1 < count ? Little<uint16_t>(block, (i + 1) * kEntry + 8) : block.size();
    if (begin < names || end > block.size() || begin >= end) return bad();
    std::string_view name = block.substr(begin, end - begin);
    name = name.substr(0, name.find('\0'));  // the last name of a block may be padded
    if (name == "." || name == "..") continue;
    if (name.empty() || name.find('/') != std::string_view::npos) return bad();
    LETHE_TRY(
        Walk(Little<uint64_t>(block, i * kEntry), path + "/" + std::string(name), depth + 1, out));
  }
  return {};
}

Status ErofsReader::Walk(uint64_t nid, const std::string& path, int depth,
                         std::vector<ErofsNode>& out) const {
  if (depth > kMaxDepth || out.size() >= kMaxNodes) return Bad(0, "too many nodes");
  const Inode inode = LETHE_TRY(ReadInode(nid));
  out.push_back({path.empty() ? "/" : path, inode.mode, inode.uid, inode.gid, inode.size, nid});
  if (!S_ISDIR(inode.mode)) return {};
  const std::string entries = LETHE_TRY(Read(nid));
  const size_t block = size_t{1} << block_bits_;
  for (size_t at = 0; at < entries.size(); at += block) {
    LETHE_TRY(WalkBlock(std::string_view(entries).substr(at, block), path, depth, out));
  }
  return {};
}

Result<std::vector<ErofsNode>> ErofsReader::List() const {
  std::vector<ErofsNode> out;
  LETHE_TRY(Walk(root_nid_, "", 0, out));
  std::sort(out.begin(), out.end(),
            [](const ErofsNode& a, const ErofsNode& b) { return a.path < b.path; });
  return out;
}

}  // namespace lethe::image
