#include "image/fat_reader.h"

#include <algorithm>
#include <set>

namespace lethe::image {
namespace {

constexpr size_t kMaxEntries = 10000;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxClusters = 1U << 22;  // of all chains
constexpr uint64_t kEntryBytes = 32;

Error BadFat(uint64_t offset, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "FAT at byte " + std::to_string(offset) + ": " + std::string(what)};
}

class FatParser {
 public:
  explicit FatParser(std::string_view volume) : bytes_(volume) {}

  Result<FatVolume> Parse() {
    LETHE_TRY(ReadBootSector());
    std::vector<FatRun> root;
    if (out_.bits == 32) {
      root = LETHE_TRY(Chain(static_cast<uint32_t>(Number(44, 4)), 44));
    } else if (out_.root.size > 0) {
      root.push_back(out_.root);
    }
    LETHE_TRY(Walk(root, "", 0));
    return std::move(out_);
  }

 private:
  // Little-endian, at a place that is known to be inside.
  uint64_t Number(uint64_t at, size_t size) const {
    uint64_t out = 0;
    for (size_t i = 0; i < size; ++i)
      out |= uint64_t{static_cast<uint8_t>(bytes_[at + i])} << (8 * i);
    return out;
  }

  Status ReadBootSector() {
    if (bytes_.size() < 512) return BadFat(0, "too short for a volume");
    if (Number(510, 2) != 0xaa55) return BadFat(510, "no boot sector");
    const uint64_t sector = Number(11, 2);
    const uint64_t per_cluster = Number(13, 1);
    if (sector < 512 || sector > 4096 || (sector & (sector - 1)) != 0)
      return BadFat(11, "sector size");
    if (per_cluster == 0 || (per_cluster & (per_cluster - 1)) != 0)
      return BadFat(13, "cluster size");
    const uint64_t tables = Number(16, 1);
    const uint64_t table_sectors = Number(22, 2) != 0 ? Number(22, 2) : Number(36, 4);
    const uint64_t sectors = Number(19, 2) != 0 ? Number(19, 2) : Number(32, 4);
    cluster_bytes_ = sector * per_cluster;
    out_.tables = {Number(14, 2) * sector, tables * table_sectors * sector};
    out_.root = {out_.tables.at + out_.tables.size,
                 (Number(17, 2) * kEntryBytes + sector - 1) / sector * sector};
    data_ = out_.root.at + out_.root.size;
    if (tables == 0 || sectors * sector > bytes_.size() || data_ > sectors * sector)
      return BadFat(14, "volume is larger than its place");
    const uint64_t clusters = (sectors * sector - data_) / cluster_bytes_;
    // The number of clusters decides, and nothing else (3.5, "FAT type determination").
    out_.bits = clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32;
    out_.extended_at = out_.bits == 32 ? 64 : 36;
    last_cluster_ = clusters + 1;
    if (table_sectors * sector * 8 < (last_cluster_ + 1) * static_cast<uint64_t>(out_.bits))
      return BadFat(22, "allocation table is too small");
    return {};
  }

  uint32_t NextCluster(uint32_t cluster) const {
    const uint64_t table = out_.tables.at;
    if (out_.bits == 32)
      return static_cast<uint32_t>(Number(table + uint64_t{cluster} * 4, 4)) & 0x0fffffff;
    if (out_.bits == 16) return static_cast<uint32_t>(Number(table + uint64_t{cluster} * 2, 2));
    const auto pair = static_cast<uint32_t>(Number(table + cluster + cluster / 2, 2));
    return cluster % 2 != 0 ? pair >> 4 : pair & 0xfff;
  }

  Result<std::vector<FatRun>> Chain(uint32_t cluster, uint64_t at) {
    const uint32_t end = out_.bits == 12 ? 0xff8 : out_.bits == 16 ? 0xfff8 : 0x0ffffff8;
    std::vector<FatRun> runs;
    for (uint64_t length = 0; cluster < end; ++length) {
      if (cluster < 2 || cluster > last_cluster_)
        return BadFat(at, "cluster outside of the volume");
      if (length > last_cluster_) return BadFat(at, "clusters in a circle");
      if (++clusters_read_ > kMaxClusters) return BadFat(at, "more clusters than files may have");
      const uint64_t place = data_ + (cluster - 2) * cluster_bytes_;
      if (!runs.empty() && runs.back().at + runs.back().size == place) {
        runs.back().size += cluster_bytes_;
      } else {
        runs.push_back({place, cluster_bytes_});
      }
      cluster = NextCluster(cluster);
    }
    return runs;
  }

  std::string Trimmed(uint64_t at, size_t size) const {
    const std::string_view name = bytes_.substr(at, size);
    return std::string(name.substr(0, name.find_last_not_of(' ') + 1));
  }

  std::string ShortName(uint64_t at) const {
    const std::string extension = Trimmed(at + 8, 3);
    return Trimmed(at, 8) + (extension.empty() ? "" : "." + extension);
  }

  Result<FatEntry> ReadEntry(uint64_t at, const std::string& path) {
    constexpr uint64_t kFolder = 0x10, kLabel = 0x08;
    const uint64_t attributes = Number(at + 11, 1);
    const bool label = (attributes & kLabel) != 0;
    FatEntry entry{.path = path + "/" + (label ? Trimmed(at, 11) : ShortName(at)),
                   .entry_at = at,
                   .folder = (attributes & kFolder) != 0,
                   .label = label,
                   .size = Number(at + 28, 4),
                   .content = {}};
    const uint64_t high = out_.bits == 32 ? Number(at + 20, 2) : 0;
    const auto first = static_cast<uint32_t>(Number(at + 26, 2) | high << 16);
    const bool dots = bytes_[at] == '.';
    if (!entry.label && !dots && first != 0) entry.content = LETHE_TRY(Chain(first, at));
    uint64_t stored = 0;
    for (const FatRun& run : entry.content) stored += run.size;
    if (entry.label || entry.folder) return entry;
    if (entry.size > stored) return BadFat(at, "file has fewer clusters than its size needs");
    while (!entry.content.empty() && stored - entry.content.back().size >= entry.size) {
      stored -= entry.content.back().size;
      entry.content.pop_back();
    }
    if (!entry.content.empty()) entry.content.back().size -= stored - entry.size;
    return entry;
  }

  Status Walk(const std::vector<FatRun>& folder, const std::string& path, int depth) {
    constexpr uint64_t kLongName = 0x0f;
    constexpr char kDeleted = static_cast<char>(0xe5);
    if (folder.empty()) return {};
    if (depth > kMaxDepth) return BadFat(folder[0].at, "folders nested too deeply");
    if (!folders_.insert(folder[0].at).second) return BadFat(folder[0].at, "folders in a circle");
    for (const FatRun& run : folder) {
      for (uint64_t at = run.at; at + kEntryBytes <= run.at + run.size; at += kEntryBytes) {
        if (bytes_[at] == '\0') return {};
        if (bytes_[at] == kDeleted || Number(at + 11, 1) == kLongName) continue;
        if (out_.entries.size() >= kMaxEntries) return BadFat(at, "more than 10000 entries");
        FatEntry entry = LETHE_TRY(ReadEntry(at, path));
        out_.entries.push_back(entry);
        if (entry.folder && !entry.label) LETHE_TRY(Walk(entry.content, entry.path, depth + 1));
      }
    }
    return {};
  }

  std::string_view bytes_;
  FatVolume out_;
  uint64_t cluster_bytes_ = 0;
  uint64_t data_ = 0;  // of the first cluster
  uint64_t last_cluster_ = 0;
  size_t clusters_read_ = 0;
  std::set<uint64_t> folders_;
};

}  // namespace

Result<FatVolume> ReadFat(std::string_view volume) { return FatParser(volume).Parse(); }

}  // namespace lethe::image
