#include "image/diff_map.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"
#include "image/diff_boot.h"
#include "image/diff_iso.h"

namespace lethe::image {
namespace {

constexpr uint64_t kSuperOffset = 1024;
constexpr size_t kMaxPieces = 4U << 20;

// erofs_super_block
constexpr PieceField kSuperblock[] = {{"magic", 0, 4},
                                      {"checksum", 4, 4},
                                      {"features", 8, 6},
                                      {"number of nodes", 14, 10},
                                      {"build time", 24, 12},
                                      {"number of blocks", 36, 4},
                                      {"places of metadata", 40, 8},
                                      {"UUID", 48, 16},
                                      {"volume name", 64, 16},
                                      {"features", 80, 48}};

Layer LayerOfFile(std::string_view path) {
  if (path.starts_with("/lethe/")) return Layer::kDescription;
  return Layer::kIsoFile;
}

// Where the first data of a node lies; what has none comes last.
uint64_t DataOf(const RootNode& node) {
  return node.place.extents.empty() ? UINT64_MAX : node.place.extents[0].at;
}

}  // namespace

Result<ImageMap> ImageMap::Make(std::string_view iso) {
  ImageMap map(iso);
  map.listing_ = LETHE_TRY(ReadIso(iso));
  map.list_.Add(Layer::kIsoStructure, "padding", 0, iso.size(), 0);
  DescribeVolumes(iso, map.list_);
  DescribeSystemArea(iso, map.list_);
  map.DescribeFiles();
  const Extent efi = DescribeBootCatalogue(iso, map.listing_, map.list_);
  DescribeEfiPartition(iso, efi, map.list_);
  map.Paint();
  return map;
}

void ImageMap::DescribeFiles() {
  Extent initrd;
  for (const IsoFile& file : listing_.files) {
    if (file.path == kIsoKernelPath) {
      DescribeKernel(iso_, {file.offset, file.size}, list_);
    } else if (file.path == kIsoInitrdPath) {
      initrd = {file.offset, file.size};
    } else if (file.path == "/boot/eltorito.img") {
      DescribeBiosLoader({file.offset, file.size}, list_);
    } else if (file.path.ends_with(".efi") || file.path.ends_with(".EFI")) {
      list_.Add(Layer::kEfiProgram, Printable(file.path), file.offset, file.size, file.offset);
      DescribePe(iso_, {file.offset, file.size},
                 {Layer::kEfiProgram, Printable(file.path) + ": ", file.offset}, list_);
    } else {
      list_.Add(LayerOfFile(file.path), Printable(file.path), file.offset, file.size, file.offset);
    }
  }
  const IsoFile* file = FindIsoFile(listing_, kIsoManifestPath);
  if (file == nullptr) {
    list_.damage.push_back("the ISO has no " + std::string(kIsoManifestPath));
  } else if (auto manifest = ParseManifest(iso_.substr(file->offset, file->size)); manifest) {
    manifest_ = std::move(*manifest);
  } else {
    list_.damage.push_back(manifest.error().message);
  }
  if (initrd.size == 0) {
    list_.damage.push_back("the ISO has no " + std::string(kIsoInitrdPath));
    return;
  }
  const Extent root = DescribeInitrd(iso_, initrd, list_);
  if (root.size > 0) {
    root_image_ = iso_.substr(root.at, root.size);
    DescribeRoot(root.at);
  }
}

void ImageMap::DescribeRoot(uint64_t at) {
  list_.AddFields(kSuperblock, Layer::kRootImage, "superblock: ", at + kSuperOffset, at);
  const uint64_t blocks = LittleEndian(root_image_, kSuperOffset + 36, 4);
  const uint64_t block_bits = LittleEndian(root_image_, kSuperOffset + 12, 1);
  if (block_bits <= 16 && blocks << block_bits < root_image_.size()) {
    const uint64_t size = blocks << block_bits;
    list_.Add(Layer::kRootImage, "behind the end of the file system", at + size,
              root_image_.size() - size, at);
  }
  auto reader = ErofsReader::Open(root_image_);
  if (reader) {
    reader_ = *reader;
    ReadNodes(at);
  } else {
    list_.damage.push_back("root image: " + reader.error().message);
  }
}

void ImageMap::ReadNodes(uint64_t at) {
  auto nodes = reader_->List();
  if (!nodes) {
    list_.damage.push_back("root image: " + nodes.error().message);
    return;
  }
  std::map<std::string_view, std::string_view> packages;
  if (manifest_) {
    for (const ManifestNode& node : manifest_->root) packages[node.path] = node.package;
  }
  std::map<uint64_t, std::string> first_links;
  std::vector<const RootNode*> stored;
  for (ErofsNode& node : *nodes) {
    auto place = reader_->Place(node.nid);
    if (list_.pieces.size() > kMaxPieces)
      place = Error{ErrorCode::kMalformed, "more than four million pieces"};
    if (!place) {
      list_.damage.push_back("root image: " + Printable(node.path) + ": " + place.error().message);
      place = ErofsPlace{};
    }
    const auto package = packages.find(node.path);
    const auto link = first_links.emplace(node.nid, node.path).first;
    const std::string path = node.path;
    RootNode& out = root_[path];
    out = {std::move(node), std::move(*place),
           package == packages.end() ? "" : std::string(package->second), link->second};
    const std::string shown = Printable(path);
    if (out.place.inode.data > 0) {
      list_.Add(Layer::kRootImage, "inode of " + shown, at + out.place.inode.at,
                out.place.inode.data - out.place.inode.at, at);
    }
    for (const ErofsExtent& extent : out.place.extents) {
      const bool plain = extent.coding == ErofsCoding::kPlain;
      list_.pieces.push_back(
          {Layer::kRootFile, shown, at + extent.at, extent.stored, at, plain ? extent.logical : 0});
    }
    if (!out.place.extents.empty()) stored.push_back(&out);
  }
  std::stable_sort(stored.begin(), stored.end(),
                   [](const RootNode* a, const RootNode* b) { return DataOf(*a) < DataOf(*b); });
  Sequence order{Layer::kRootImage, "order of the files' data", {}};
  for (const RootNode* node : stored) order.items.push_back(Printable(node->node.path));
  list_.sequences.push_back(std::move(order));
}

// Cuts the pieces so that each byte belongs to the last one that covers it.
void ImageMap::Paint() {
  std::map<uint64_t, size_t> starts;  // of a stretch, up to the next start
  starts[0] = 0;
  for (size_t i = 1; i < list_.pieces.size(); ++i) {
    const uint64_t begin = list_.pieces[i].at;
    if (begin >= iso_.size() || list_.pieces[i].size == 0) continue;
    const uint64_t end = begin + std::min(list_.pieces[i].size, iso_.size() - begin);
    const size_t after = std::prev(starts.upper_bound(end))->second;
    const auto first = starts.lower_bound(begin);
    starts.erase(first, starts.upper_bound(end));
    starts[begin] = i;
    if (end < iso_.size()) starts[end] = after;
  }
  for (auto it = starts.begin(); it != starts.end(); ++it) {
    const auto next = std::next(it);
    segments_.push_back({it->first, next == starts.end() ? iso_.size() : next->first, it->second});
  }
}

const Segment& ImageMap::SegmentAt(uint64_t at) const {
  LETHE_ASSERT(at < iso_.size());
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), at,
                                      [](uint64_t x, const Segment& s) { return x < s.begin; });
  return *std::prev(after);
}

}  // namespace lethe::image
