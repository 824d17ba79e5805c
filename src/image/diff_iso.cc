#include "image/diff_iso.h"

#include <algorithm>
#include <set>

#include "base/strings.h"

namespace lethe::image {
namespace {

constexpr uint64_t kBlock = 512;
constexpr uint64_t kSector = 2048;
constexpr uint64_t kFirstDescriptor = 16 * kSector;
constexpr uint64_t kMaxPartitions = 1024;
constexpr size_t kMaxRecords = 20000;
constexpr int kMaxDepth = 16;
constexpr int kMaxDescriptors = 16;
constexpr int kMaxCatalogueEntries = 64;

constexpr PieceField kMbr[] = {{"boot code", 0, 440},    {"disk signature", 440, 4},
                               {"reserved", 444, 2},     {"partition 1", 446, 16},
                               {"partition 2", 462, 16}, {"partition 3", 478, 16},
                               {"partition 4", 494, 16}, {"signature", 510, 2}};
constexpr PieceField kGptHeader[] = {{"signature and revision", 0, 16},
                                     {"header checksum", 16, 4},
                                     {"reserved", 20, 4},
                                     {"place and size", 24, 32},
                                     {"disk GUID", 56, 16},
                                     {"place of the entries", 72, 16},
                                     {"entries checksum", 88, 4},
                                     {"rest of the header", 92, kBlock - 92}};
constexpr PieceField kGptEntry[] = {{"type", 0, 16},
                                    {"GUID", 16, 16},
                                    {"place and size", 32, 16},
                                    {"flags", 48, 8},
                                    {"name", 56, 72}};
constexpr PieceField kPrimaryVolume[] = {{"header", 0, 8},
                                         {"system id", 8, 32},
                                         {"volume id", 40, 32},
                                         {"reserved", 72, 8},
                                         {"place and size", 80, 8},
                                         {"volume set", 88, 44},
                                         {"place and size of path tables", 132, 24},
                                         {"root folder: place and size", 156, 18},
                                         {"root folder: date", 174, 7},
                                         {"root folder", 181, 9},
                                         {"volume set id", 190, 128},
                                         {"publisher id", 318, 128},
                                         {"preparer id", 446, 128},
                                         {"application id", 574, 128},
                                         {"names of files", 702, 111},
                                         {"creation date", 813, 17},
                                         {"modification date", 830, 17},
                                         {"expiration date", 847, 17},
                                         {"effective date", 864, 17},
                                         {"application use", 883, 512}};

std::string_view Slice(std::string_view bytes, uint64_t at, uint64_t size) {
  return at > bytes.size() || size > bytes.size() - at ? std::string_view()
                                                       : bytes.substr(at, size);
}

void DescribeGpt(std::string_view iso, uint64_t at, const std::string& prefix, PieceList& out) {
  if (Slice(iso, at, kBlock).substr(0, 8) != "EFI PART") return;
  out.AddFields(kGptHeader, Layer::kSystemArea, prefix, at, 0);
  const uint64_t entries = LittleEndian(iso, at + 72, 8);
  const uint64_t count = std::min(LittleEndian(iso, at + 80, 4), kMaxPartitions);
  const uint64_t size = LittleEndian(iso, at + 84, 4);
  if (entries > iso.size() / kBlock || size < 128 || size > kSector) return;
  out.Add(Layer::kSystemArea, prefix + "unused entries", entries * kBlock, count * size, 0);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t entry = entries * kBlock + i * size;
    if (Slice(iso, entry, 16).find_first_not_of('\0') == std::string_view::npos) continue;
    out.AddFields(kGptEntry, Layer::kSystemArea,
                  prefix + "partition " + std::to_string(i + 1) + ": ", entry, 0);
  }
}

// The folders of one volume. `base` is where its sector 0 lies in the ISO: the volume of the
// partition starts behind the system area and shares its files with the first one.
class FolderWalk {
 public:
  FolderWalk(std::string_view iso, uint64_t base, std::string prefix, PieceList& out)
      : iso_(iso), base_(base), prefix_(std::move(prefix)), out_(out) {}

  void Walk(uint64_t at, uint64_t size, const std::string& path, int depth) {
    if (depth > kMaxDepth || at > iso_.size() || size > iso_.size() - at) return;
    if (!visited_.insert(at).second) return;
    out_.Add(Layer::kIsoStructure, prefix_ + "folder " + Shown(path), at, size, 0);
    Sequence order{Layer::kIsoStructure, prefix_ + "order of folder " + Shown(path), {}};
    for (uint64_t record = at; record < at + size;) {
      const uint64_t length = LittleEndian(iso_, record, 1);
      if (length == 0) {
        record = (record / kSector + 1) * kSector;
        continue;
      }
      if (length < 34 || length > at + size - record || ++records_ > kMaxRecords) return;
      const std::string name = Describe(record, length, path);
      order.items.push_back(name);
      if ((LittleEndian(iso_, record + 25, 1) & 2) != 0 && name != "." && name != "..") {
        Walk(base_ + LittleEndian(iso_, record + 2, 4) * kSector,
             LittleEndian(iso_, record + 10, 4), path + "/" + name, depth + 1);
      }
      record += length;
    }
    out_.sequences.push_back(std::move(order));
  }

 private:
  static std::string Shown(const std::string& path) { return path.empty() ? "/" : path; }

  // Names the fields of one record (ECMA-119 9.1), and returns the name of its file.
  std::string Describe(uint64_t at, uint64_t length, const std::string& path) {
    const uint64_t name_size = LittleEndian(iso_, at + 32, 1);
    if (33 + name_size > length) return {};
    const uint64_t system_use = 33 + name_size + (name_size % 2 == 0 ? 1 : 0);
    std::string name(iso_.substr(at + 33, name_size));
    if (name == std::string(1, '\0')) name = ".";
    if (name == "\x01") name = "..";
    for (const auto& [entry, entry_size] : Entries(at + system_use, at + length)) {
      if (iso_.substr(entry, 2) == "NM" && entry_size > 5 && name != "." && name != "..")
        name = iso_.substr(entry + 5, entry_size - 5);
    }
    name = Printable(name);
    const std::string shown = prefix_ + "record of " + path + "/" + name + ": ";
    out_.Add(Layer::kIsoStructure, shown + "name and flags", at, length, 0);
    out_.Add(Layer::kIsoStructure, shown + "place and size", at + 2, 16, 0);
    out_.Add(Layer::kIsoStructure, shown + "date", at + 18, 7, 0);
    DescribeSystemUse(at + system_use, at + length, shown, 0);
    return name;
  }

  std::vector<std::pair<uint64_t, uint64_t>> Entries(uint64_t at, uint64_t end) const {
    std::vector<std::pair<uint64_t, uint64_t>> out;
    while (at + 4 <= end) {
      const uint64_t size = LittleEndian(iso_, at + 2, 1);
      if (size < 4 || size > end - at) break;
      out.emplace_back(at, size);
      at += size;
    }
    return out;
  }

  void DescribeSystemUse(uint64_t at, uint64_t end, const std::string& shown, int depth) {
    for (const auto& [entry, size] : Entries(at, end)) {
      const std::string signature = Printable(iso_.substr(entry, 2));
      out_.Add(Layer::kIsoStructure, shown + "Rock Ridge " + signature, entry, size, 0);
      if (signature != "CE" || size < 28 || depth > 0) continue;
      const uint64_t from =
          base_ + LittleEndian(iso_, entry + 4, 4) * kSector + LittleEndian(iso_, entry + 12, 4);
      const uint64_t more = LittleEndian(iso_, entry + 20, 4);
      if (from <= iso_.size() && more <= iso_.size() - from && more <= kSector)
        DescribeSystemUse(from, from + more, shown, depth + 1);
    }
  }

  std::string_view iso_;
  uint64_t base_;
  std::string prefix_;
  PieceList& out_;
  std::set<uint64_t> visited_;
  size_t records_ = 0;
};

void DescribeVolume(std::string_view iso, uint64_t base, const std::string& prefix,
                    PieceList& out) {
  for (int i = 0; i < kMaxDescriptors; ++i) {
    const uint64_t at = base + kFirstDescriptor + static_cast<uint64_t>(i) * kSector;
    const std::string_view descriptor = Slice(iso, at, kSector);
    if (descriptor.empty() || descriptor.substr(1, 5) != "CD001") return;
    const uint64_t type = LittleEndian(descriptor, 0, 1);
    out.Add(Layer::kIsoStructure, prefix + "volume descriptor of type " + std::to_string(type), at,
            kSector, 0);
    if (type == 255) return;
    if (type == 0)
      out.Add(Layer::kIsoStructure, prefix + "place of the boot catalogue", at + 71, 4, 0);
    if (type != 1) continue;
    const uint64_t end = base + LittleEndian(descriptor, 80, 4) * kSector;
    if (base == 0 && end < iso.size()) {
      out.Add(Layer::kIsoStructure, prefix + "behind the end of the volume", end, iso.size() - end,
              0);
    }
    out.AddFields(kPrimaryVolume, Layer::kIsoStructure, prefix + "volume: ", at, 0);
    const uint64_t table = std::min(LittleEndian(descriptor, 132, 4), 16 * kSector);
    for (const uint64_t place : {uint64_t{140}, uint64_t{148}}) {
      // The second one is big-endian.
      uint64_t sector = LittleEndian(descriptor, place, 4);
      if (place == 148) sector = __builtin_bswap32(static_cast<uint32_t>(sector));
      out.Add(Layer::kIsoStructure,
              prefix + (place == 140 ? "path table" : "path table, big-endian"),
              base + sector * kSector, table, 0);
    }
    FolderWalk(iso, base, prefix, out)
        .Walk(base + LittleEndian(descriptor, 158, 4) * kSector, LittleEndian(descriptor, 166, 4),
              "", 0);
  }
}

}  // namespace

void DescribeSystemArea(std::string_view iso, PieceList& out) {
  out.Add(Layer::kSystemArea, "rest of the system area", 0, kFirstDescriptor, 0);
  out.AddFields(kMbr, Layer::kSystemArea, "MBR: ", 0, 0);
  DescribeGpt(iso, kBlock, "GPT: ", out);
  const uint64_t copy = LittleEndian(iso, kBlock + 32, 8);
  if (copy > 1 && copy < iso.size() / kBlock) DescribeGpt(iso, copy * kBlock, "GPT copy: ", out);
}

void DescribeVolumes(std::string_view iso, PieceList& out) {
  // xorriso's --partition_offset 16 gives the partition a volume of its own.
  DescribeVolume(iso, 16 * kSector, "partition: ", out);
  DescribeVolume(iso, 0, "", out);
}

// El Torito 1.0, chapter 2.
Extent DescribeBootCatalogue(std::string_view iso, const IsoListing& listing, PieceList& out) {
  constexpr uint64_t kEntry = 32;
  const IsoFile* file = FindIsoFile(listing, "/boot/boot.cat");
  if (file == nullptr) return {};
  out.Add(Layer::kBootCatalogue, "unused entries", file->offset, file->size, file->offset);
  Extent efi;
  bool for_efi = false;
  for (int i = 0; i < kMaxCatalogueEntries; ++i) {
    const uint64_t offset = static_cast<uint64_t>(i) * kEntry;
    if (offset + kEntry > file->size) break;
    const uint64_t at = file->offset + offset;
    const uint64_t kind = LittleEndian(iso, at, 1);
    const std::string prefix = "entry " + std::to_string(i) + ": ";
    if (i == 0) {
      out.Add(Layer::kBootCatalogue, prefix + "validation", at, kEntry, file->offset);
      out.Add(Layer::kBootCatalogue, prefix + "id of the manufacturer", at + 4, 24, file->offset);
      out.Add(Layer::kBootCatalogue, prefix + "checksum", at + 28, 2, file->offset);
    } else if (kind == 0x90 || kind == 0x91) {
      for_efi = LittleEndian(iso, at + 1, 1) == 0xef;
      out.Add(Layer::kBootCatalogue, prefix + "section", at, kEntry, file->offset);
    } else if (kind == 0x88) {
      out.Add(Layer::kBootCatalogue, prefix + "boot image", at, kEntry, file->offset);
      out.Add(Layer::kBootCatalogue, prefix + "place and size", at + 6, 6, file->offset);
      if (!for_efi) continue;
      efi = {LittleEndian(iso, at + 8, 4) * kSector, LittleEndian(iso, at + 6, 2) * kBlock};
    } else {
      break;
    }
  }
  if (efi.at > iso.size() || efi.size > iso.size() - efi.at) return {};
  return efi;
}

}  // namespace lethe::image
