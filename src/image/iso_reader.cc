#include "image/iso_reader.h"

#include <algorithm>
#include <set>

namespace lethe::image {
namespace {

constexpr uint64_t kSector = 2048;
constexpr uint64_t kFirstDescriptor = 16 * kSector;
constexpr size_t kMaxFiles = 10000;
constexpr int kMaxDepth = 16;

Error BadIso(uint64_t offset, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "ISO at byte " + std::to_string(offset) + ": " + std::string(what)};
}

uint8_t Byte(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

uint32_t Little32(std::string_view bytes, size_t i) {
  return Byte(bytes, i) | uint32_t{Byte(bytes, i + 1)} << 8 | uint32_t{Byte(bytes, i + 2)} << 16 |
         uint32_t{Byte(bytes, i + 3)} << 24;
}

struct Record {  // ECMA-119 9.1
  uint64_t offset;
  uint64_t size;
  bool folder;
  std::string name;
  bool self_or_parent;
};

class IsoParser {
 public:
  explicit IsoParser(std::string_view iso) : iso_(iso) {}

  Result<IsoListing> Parse() {
    if (iso_.size() < kFirstDescriptor + kSector)
      return BadIso(0, "too short for an ISO 9660 image");
    const std::string_view descriptor = iso_.substr(kFirstDescriptor, kSector);
    if (Byte(descriptor, 0) != 1 || descriptor.substr(1, 5) != "CD001") {
      return BadIso(kFirstDescriptor, "no primary volume descriptor");
    }
    const uint64_t volume_bytes = uint64_t{Little32(descriptor, 80)} * kSector;
    if (volume_bytes > iso_.size())
      return BadIso(kFirstDescriptor + 80, "volume is larger than the file");
    std::string_view volume_id = descriptor.substr(40, 32);
    listing_.volume_id = volume_id.substr(0, volume_id.find_last_not_of(' ') + 1);
    const Record root = LETHE_TRY(ParseRecord(kFirstDescriptor + 156));
    if (!root.folder) return BadIso(kFirstDescriptor + 156, "the root is no folder");
    LETHE_TRY(Walk(root, "", 0));
    std::sort(listing_.files.begin(), listing_.files.end(),
              [](const IsoFile& a, const IsoFile& b) { return a.path < b.path; });
    for (size_t i = 1; i < listing_.files.size(); ++i) {
      if (listing_.files[i].path == listing_.files[i - 1].path) {
        return BadIso(listing_.files[i].offset, "'" + listing_.files[i].path + "' is there twice");
      }
    }
    return std::move(listing_);
  }

 private:
  Result<Record> ParseRecord(uint64_t at) const {
    const size_t length = Byte(iso_, at);
    if (length < 34 || at + length > iso_.size()) return BadIso(at, "truncated directory record");
    const std::string_view record = iso_.substr(at, length);
    Record out{.offset = uint64_t{Little32(record, 2)} * kSector,
               .size = Little32(record, 10),
               .folder = (Byte(record, 25) & 2) != 0,
               .name = {},
               .self_or_parent = false};
    const size_t name_length = Byte(record, 32);
    if (33 + name_length > length || name_length == 0)
      return BadIso(at, "directory record without a name");
    out.self_or_parent = name_length == 1 && Byte(record, 33) <= 1;
    if (out.offset > iso_.size() || out.size > iso_.size() - out.offset)
      return BadIso(at, "extent outside of the image");
    if (Byte(record, 25) & 0x80) return BadIso(at, "file in several extents");
    const size_t system_use = 33 + name_length + (name_length % 2 == 0 ? 1 : 0);
    if (system_use < length) out.name = LETHE_TRY(RockRidgeName(record.substr(system_use), at));
    if (out.name.empty()) out.name = record.substr(33, name_length);
    return out;
  }

  // The NM entries of a system use area (RRIP 4.1.4), following one continuation area (SUSP 5.1).
  Result<std::string> RockRidgeName(std::string_view area, uint64_t at) const {
    std::string name;
    std::set<uint64_t> visited;
    while (true) {
      std::string_view next;
      while (area.size() >= 4) {
        const size_t length = Byte(area, 2);
        if (length < 4 || length > area.size()) break;
        const std::string_view signature = area.substr(0, 2);
        if (signature == "NM" && length >= 5) name += area.substr(5, length - 5);
        if (signature == "CE" && length >= 28) {
          const uint64_t from = uint64_t{Little32(area, 4)} * kSector + Little32(area, 12);
          const uint64_t size = Little32(area, 20);
          if (from > iso_.size() || size > iso_.size() - from || !visited.insert(from).second) {
            return BadIso(at, "bad continuation area");
          }
          next = iso_.substr(from, size);
        }
        area.remove_prefix(length);
      }
      if (next.empty()) break;
      area = next;
    }
    if (name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
      return BadIso(at, "bad file name");
    return name;
  }

  Status Walk(const Record& folder, const std::string& path, int depth) {
    if (depth > kMaxDepth) return BadIso(folder.offset, "folders nested too deeply");
    if (!visited_.insert(folder.offset).second) return BadIso(folder.offset, "folders in a circle");
    const uint64_t end = folder.offset + folder.size;
    for (uint64_t at = folder.offset; at < end;) {
      const size_t length = Byte(iso_, at);
      if (length == 0) {  // records do not cross sectors: the rest of this one is padding
        at = (at / kSector + 1) * kSector;
        continue;
      }
      const Record record = LETHE_TRY(ParseRecord(at));
      at += length;
      if (record.self_or_parent) continue;
      const std::string child = path + "/" + record.name;
      if (record.folder) {
        LETHE_TRY(Walk(record, child, depth + 1));
      } else {
        listing_.files.push_back({child, record.offset, record.size});
        if (listing_.files.size() > kMaxFiles) return BadIso(at, "more than 10000 files");
      }
    }
    return {};
  }

  std::string_view iso_;
  IsoListing listing_;
  std::set<uint64_t> visited_;
};

}  // namespace

Result<IsoListing> ReadIso(std::string_view iso) { return IsoParser(iso).Parse(); }

const IsoFile* FindIsoFile(const IsoListing& listing, std::string_view path) {
  const auto it = std::find_if(listing.files.begin(), listing.files.end(),
                               [&](const IsoFile& file) { return file.path == path; });
  return it == listing.files.end() ? nullptr : &*it;
}

crypto::Sha256Digest IsoStructureDigest(std::string_view iso, const IsoListing& listing) {
  std::vector<std::pair<uint64_t, uint64_t>> extents;
  for (const IsoFile& file : listing.files) {
    if (file.size > 0) extents.emplace_back(file.offset, file.offset + file.size);
  }
  std::sort(extents.begin(), extents.end());
  crypto::Sha256 hash;
  uint64_t at = 0;
  for (const auto& [begin, end] : extents) {
    if (begin > at) hash.Update(iso.substr(at, begin - at));
    at = std::max(at, end);
  }
  hash.Update(iso.substr(at));
  return hash.Finish();
}

}  // namespace lethe::image
