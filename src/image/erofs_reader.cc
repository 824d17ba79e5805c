#include "image/erofs_reader.h"

#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/strings.h"

namespace lethe::image {
namespace {

constexpr uint64_t kSuperOffset = 1024;
constexpr uint64_t kSuperBytes = 128;
constexpr uint32_t kMagic = 0xe0f5e1e2;
constexpr uint64_t kSlot = 32;  // unit of node ids
constexpr uint64_t kMaxFile = 4ULL << 30;
constexpr size_t kMaxNodes = 1000000;
constexpr int kMaxDepth = 64;
constexpr uint64_t kMaxFolderBytes = 256U << 20;  // of all folders
constexpr uint64_t kMaxPathBytes = 256U << 20;    // of all paths
constexpr uint64_t kMaxContent = 16ULL << 30;     // of all names: what a reader of each would read
// Large enough for any cluster (12 MiB), small enough for a hostile frame.
constexpr int kMaxZstdWindowLog = 24;

constexpr uint32_t kChecksumFeature = 1;  // feature_compat
// feature_incompat: zero padding, big clusters, chunks, second algorithm (or device table), packed
// tails, fragments (or deduplication), prefixes of xattr names.
constexpr uint32_t kKnownFeatures = 0x7f;

// CRC-32C as the superblock has it: starting with all ones, not inverted at the end. A few KiB per
// image: no table.
uint32_t Crc32c(uint32_t crc, std::string_view bytes) {
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
  }
  return crc;
}

// The checksum covers the rest of the superblock's block, its own field as zero.
Status CheckChecksum(const ErofsImage& image) {
  const uint64_t block = image.block();
  const uint64_t size = block > kSuperOffset ? block - kSuperOffset : block;
  const std::string_view bytes = LETHE_TRY(image.Slice(kSuperOffset, size));
  uint32_t crc = Crc32c(UINT32_MAX, bytes.substr(0, 4));
  crc = Crc32c(crc, std::string_view("\0\0\0\0", 4));
  crc = Crc32c(crc, bytes.substr(8));
  if (crc != ErofsNumber<uint32_t>(bytes, 4))
    return BadErofs(kSuperOffset, "superblock has another checksum");
  return {};
}

// What a folder says about the type of an entry (EROFS_FT_*).
unsigned FolderType(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return 1;
    case S_IFDIR:
      return 2;
    case S_IFCHR:
      return 3;
    case S_IFBLK:
      return 4;
    case S_IFIFO:
      return 5;
    case S_IFSOCK:
      return 6;
    case S_IFLNK:
      return 7;
    default:
      return 0;
  }
}

}  // namespace

// Turns extents into content, with one decompression context for many of them.
class ErofsReader::Inflater {
 public:
  explicit Inflater(const ErofsImage& image) : image_(image) {}

  // The content of the extent; valid until the next call.
  Result<std::string_view> Expand(const ErofsExtent& extent) {
    const std::string_view stored = LETHE_TRY(image_.Slice(extent.at, extent.stored));
    switch (extent.coding) {
      case ErofsCoding::kPlain:
        break;
      case ErofsCoding::kInterlaced:
        return Rotate(extent, stored);
      case ErofsCoding::kZstd:
        return Decompress(extent, stored);
    }
    return stored.substr(0, extent.length);
  }

 private:
  // The content stands at its own place in its block; what would stick out stands before it.
  Result<std::string_view> Rotate(const ErofsExtent& extent, std::string_view stored) {
    const uint64_t block = image_.block();
    const uint64_t in_block = extent.logical % block;
    const uint64_t shift = stored.size() > block ? stored.size() - (block - in_block) : in_block;
    if (shift > stored.size()) return BadErofs(extent.at, "plain cluster is too short");
    const uint64_t first = std::min<uint64_t>(extent.length, stored.size() - shift);
    piece_.assign(stored.substr(shift, first));
    piece_ += stored.substr(0, extent.length - first);
    return std::string_view(piece_);
  }

  Result<std::string_view> Decompress(const ErofsExtent& extent, std::string_view stored) {
    // Compressed data ends with its last block; zeros fill the first one.
    const size_t data = stored.find_first_not_of('\0');
    if (data == std::string_view::npos || data >= image_.block())
      return BadErofs(extent.at, "empty cluster");
    stored.remove_prefix(data);
    if (!context_) {
      context_.reset(ZSTD_createDCtx());
      LETHE_ASSERT(context_ != nullptr);
      ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
    }
    ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
    piece_.resize(extent.length);
    ZSTD_inBuffer in{stored.data(), stored.size(), 0};
    ZSTD_outBuffer out{piece_.data(), piece_.size(), 0};
    while (out.pos < out.size) {
      const size_t before = in.pos + out.pos;
      if (ZSTD_isError(ZSTD_decompressStream(context_.get(), &out, &in)) != 0U ||
          in.pos + out.pos == before) {
        return BadErofs(extent.at, "damaged compressed data");
      }
    }
    return std::string_view(piece_);
  }

  const ErofsImage& image_;
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_{nullptr, ZSTD_freeDCtx};
  std::string piece_;
};

struct ErofsReader::Listing {
  std::vector<ErofsNode> nodes;
  std::set<uint64_t> folders;  // node ids: each may be there once
  uint64_t folder_bytes = 0;
  uint64_t path_bytes = 0;
  uint64_t content = 0;
};

Result<ErofsReader> ErofsReader::Open(std::string_view image) {
  ErofsReader reader;
  reader.image_.bytes = image;
  const std::string_view super = LETHE_TRY(reader.image_.Slice(kSuperOffset, kSuperBytes));
  if (ErofsNumber<uint32_t>(super, 0) != kMagic)
    return BadErofs(kSuperOffset, "not an EROFS image");
  reader.image_.block_bits = static_cast<uint8_t>(super[12]);
  if (reader.image_.block_bits < 9 || reader.image_.block_bits > 16)
    return BadErofs(kSuperOffset + 12, "block size");
  if ((ErofsNumber<uint32_t>(super, 8) & kChecksumFeature) != 0)
    LETHE_TRY(CheckChecksum(reader.image_));
  reader.root_nid_ = ErofsNumber<uint16_t>(super, 14);
  reader.meta_offset_ = uint64_t{ErofsNumber<uint32_t>(super, 40)} << reader.image_.block_bits;
  reader.xattr_offset_ = uint64_t{ErofsNumber<uint32_t>(super, 44)} << reader.image_.block_bits;
  reader.build_time_unix_s_ = ErofsNumber<uint64_t>(super, 24);
  const auto features = ErofsNumber<uint32_t>(super, 80);
  if ((features & ~kKnownFeatures) != 0)
    return UnsupportedErofs("feature " + std::to_string(features & ~kKnownFeatures));
  if (ErofsNumber<uint16_t>(super, 86) != 0) return UnsupportedErofs("an image on several devices");
  if (super[90] != 0) return UnsupportedErofs("folders of larger blocks");
  return reader;
}

Result<ErofsInode> ErofsReader::ReadInode(uint64_t nid) const {
  if (nid > image_.bytes.size() / kSlot)
    return BadErofs(meta_offset_, "node " + std::to_string(nid) + " is outside of the image");
  ErofsInode inode;
  inode.at = meta_offset_ + nid * kSlot;
  const auto format = ErofsNumber<uint16_t>(LETHE_TRY(image_.Slice(inode.at, kSlot)), 0);
  const bool extended = (format & 1) != 0;
  const std::string_view raw = LETHE_TRY(image_.Slice(inode.at, extended ? 64 : 32));
  if (format >> 4 != 0) return BadErofs(inode.at, "inode format " + std::to_string(format));
  inode.layout = format >> 1;
  inode.mode = ErofsNumber<uint16_t>(raw, 4);
  inode.size = extended ? ErofsNumber<uint64_t>(raw, 8) : ErofsNumber<uint32_t>(raw, 8);
  inode.info = ErofsNumber<uint32_t>(raw, 16);
  inode.uid = extended ? ErofsNumber<uint32_t>(raw, 24) : ErofsNumber<uint16_t>(raw, 24);
  inode.gid = extended ? ErofsNumber<uint32_t>(raw, 28) : ErofsNumber<uint16_t>(raw, 26);
  inode.mtime_unix_s = extended ? ErofsNumber<uint64_t>(raw, 32) : build_time_unix_s_;
  inode.links = extended ? ErofsNumber<uint32_t>(raw, 44) : ErofsNumber<uint16_t>(raw, 6);
  inode.number = ErofsNumber<uint32_t>(raw, 20);
  const auto xattrs = ErofsNumber<uint16_t>(raw, 2);
  inode.xattr_bytes = xattrs == 0 ? 0 : 12 + 4 * (uint64_t{xattrs} - 1);
  inode.data = inode.at + raw.size() + inode.xattr_bytes;
  if (FolderType(inode.mode) == 0) return BadErofs(inode.at, "inode of no known type");
  if (inode.size > kMaxFile) return BadErofs(inode.at, "file larger than 4 GiB");
  return inode;
}

Status ErofsReader::ReadTo(uint64_t nid, uint64_t max_bytes, const Sink& sink) const {
  const ErofsInode inode = LETHE_TRY(ReadInode(nid));
  if (inode.size > max_bytes)
    return BadErofs(inode.at, "file larger than " + std::to_string(max_bytes) + " bytes");
  const auto extents = LETHE_TRY(MapErofsFile(image_, inode));
  Inflater inflater(image_);
  for (const ErofsExtent& extent : extents) LETHE_TRY(sink(LETHE_TRY(inflater.Expand(extent))));
  return {};
}

Result<std::string> ErofsReader::Read(uint64_t nid, uint64_t max_bytes) const {
  std::string out;
  LETHE_TRY(ReadTo(nid, max_bytes, [&](std::string_view piece) -> Status {
    out += piece;
    return {};
  }));
  return out;
}

Result<ErofsPlace> ErofsReader::Place(uint64_t nid) const {
  ErofsPlace place{LETHE_TRY(ReadInode(nid)), {}};
  place.extents = LETHE_TRY(MapErofsFile(image_, place.inode));
  return place;
}

// Appends the attribute at `at` (erofs_xattr_entry); the value is its size, padded.
Result<uint64_t> ErofsReader::ReadXattr(uint64_t at, ErofsXattr& out) const {
  constexpr std::string_view kPrefixes[] = {
      "",        "user.",    "system.posix_acl_access", "system.posix_acl_default", "trusted.",
      "lustre.", "security."};
  const std::string_view head = LETHE_TRY(image_.Slice(at, 4));
  const auto name_size = ErofsNumber<uint8_t>(head, 0);
  const auto prefix = ErofsNumber<uint8_t>(head, 1);
  const auto value_size = ErofsNumber<uint16_t>(head, 2);
  const std::string_view body = LETHE_TRY(image_.Slice(at + 4, uint64_t{name_size} + value_size));
  out.name = prefix < std::size(kPrefixes) ? std::string(kPrefixes[prefix])
                                           : "prefix-" + std::to_string(prefix) + ".";
  out.name += body.substr(0, name_size);
  out.value = body.substr(name_size);
  return (4 + body.size() + 3) / 4 * 4;
}

Result<std::vector<ErofsXattr>> ErofsReader::Xattrs(uint64_t nid) const {
  constexpr uint64_t kHeader = 12;  // erofs_xattr_ibody_header
  const ErofsInode inode = LETHE_TRY(ReadInode(nid));
  std::vector<ErofsXattr> out;
  if (inode.xattr_bytes == 0) return out;
  const uint64_t start = inode.data - inode.xattr_bytes;
  const std::string_view body = LETHE_TRY(image_.Slice(start, inode.xattr_bytes));
  const uint64_t shared = ErofsNumber<uint8_t>(body, 4);
  if (kHeader + shared * 4 > body.size()) return BadErofs(start, "attributes are truncated");
  for (uint64_t i = 0; i < shared; ++i) {
    const auto id = ErofsNumber<uint32_t>(body, kHeader + i * 4);
    LETHE_TRY(ReadXattr(xattr_offset_ + uint64_t{id} * 4, out.emplace_back()));
  }
  for (uint64_t at = kHeader + shared * 4; at + 4 <= body.size();) {
    if (body.substr(at).find_first_not_of('\0') == std::string_view::npos) break;
    const uint64_t size = LETHE_TRY(ReadXattr(start + at, out.emplace_back()));
    if (size > body.size() - at) return BadErofs(start + at, "attributes are truncated");
    at += size;
  }
  return out;
}

Status ErofsReader::WalkBlock(std::string_view block, const std::string& path, int depth,
                              Listing& listing) const {
  constexpr size_t kEntry = 12;  // erofs_dirent: nid, offset of the name, type
  const auto bad = [&](std::string_view what) {
    return Error{ErrorCode::kMalformed,
                 "EROFS: folder '" + Printable(path) + "/': " + std::string(what)};
  };
  if (block.size() < kEntry) return bad("truncated");
  const size_t names = ErofsNumber<uint16_t>(block, 8);
  if (names % kEntry != 0 || names == 0 || names > block.size()) return bad("bad entries");
  const size_t count = names / kEntry;
  std::string_view previous;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = ErofsNumber<uint16_t>(block, i * kEntry + 8);
    const size_t end =
        i + 1 < count ? ErofsNumber<uint16_t>(block, (i + 1) * kEntry + 8) : block.size();
    if (begin < names || end > block.size() || begin >= end) return bad("bad name");
    std::string_view name = block.substr(begin, end - begin);
    name = name.substr(0, name.find('\0'));  // the last name of a block may be padded
    if (name.empty() || name.size() > 255 || name.find('/') != std::string_view::npos)
      return bad("bad name");
    // The kernel searches by halves: what is out of order may be there for us and not for it.
    if (i > 0 && !(previous < name)) return bad("names out of order");
    previous = name;
    if (name == "." || name == "..") continue;
    const size_t child = listing.nodes.size();
    LETHE_TRY(Walk(ErofsNumber<uint64_t>(block, i * kEntry), path + "/" + std::string(name),
                   depth + 1, listing));
    if (static_cast<uint8_t>(block[i * kEntry + 10]) != FolderType(listing.nodes[child].mode))
      return bad("entry of another type than its inode");
  }
  return {};
}

Status ErofsReader::Walk(uint64_t nid, const std::string& path, int depth, Listing& listing) const {
  const ErofsInode inode = LETHE_TRY(ReadInode(nid));
  listing.path_bytes += path.size();
  listing.content += inode.size;
  if (depth > kMaxDepth || listing.nodes.size() >= kMaxNodes ||
      listing.path_bytes > kMaxPathBytes || listing.content > kMaxContent)
    return BadErofs(inode.at, "more nodes or content than a root image has");
  listing.nodes.push_back({path.empty() ? "/" : path, inode.mode, inode.uid, inode.gid, inode.size,
                           nid, inode.xattr_bytes != 0});
  if (!S_ISDIR(inode.mode)) return {};
  listing.folder_bytes += inode.size;
  if (!listing.folders.insert(nid).second)
    return BadErofs(inode.at, "folder '" + Printable(path) + "' is there twice");
  if (listing.folder_bytes > kMaxFolderBytes)
    return BadErofs(inode.at, "more than 256 MiB of folders");
  const std::string entries = LETHE_TRY(Read(nid, kMaxFolderBytes));
  for (size_t at = 0; at < entries.size(); at += image_.block()) {
    LETHE_TRY(
        WalkBlock(std::string_view(entries).substr(at, image_.block()), path, depth, listing));
  }
  return {};
}

Result<std::vector<ErofsNode>> ErofsReader::List() const {
  Listing listing;
  LETHE_TRY(Walk(root_nid_, "", 0, listing));
  if (!S_ISDIR(listing.nodes[0].mode)) return BadErofs(meta_offset_, "the root is no folder");
  auto& nodes = listing.nodes;
  std::sort(nodes.begin(), nodes.end(),
            [](const ErofsNode& a, const ErofsNode& b) { return a.path < b.path; });
  const auto twice =
      std::adjacent_find(nodes.begin(), nodes.end(),
                         [](const ErofsNode& a, const ErofsNode& b) { return a.path == b.path; });
  if (twice != nodes.end())
    return BadErofs(meta_offset_, "'" + Printable(twice->path) + "' is there twice");
  return std::move(listing.nodes);
}

}  // namespace lethe::image
