#include "image/microcode.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "image/cpio_writer.h"
#include "image/firmware.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxUpdates = 10000;
constexpr size_t kIntelHeader = 48;
constexpr size_t kIntelExtendedHeader = 20;
constexpr size_t kIntelExtendedEntry = 12;
constexpr uint32_t kIntelGranule = 1024;  // total sizes are multiples of it
constexpr uint32_t kAmdMagic = 0x00414d44;
constexpr uint32_t kAmdEquivalence = 0;
constexpr uint32_t kAmdPatch = 1;
constexpr size_t kAmdEquivalenceEntry = 16;
constexpr size_t kAmdPatchHeader = 64;

Error Bad(size_t at, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "microcode at byte " + std::to_string(at) + ": " + std::string(what)};
}

// Little-endian; the caller has checked that the bytes are there.
uint32_t U32(std::string_view bytes, size_t at) {
  LETHE_ASSERT(at <= bytes.size() && bytes.size() - at >= 4);
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return value;
}

uint32_t SumOf(std::string_view bytes) {
  uint32_t sum = 0;
  for (size_t at = 0; at < bytes.size(); at += 4) sum += U32(bytes, at);
  return sum;
}

// 0xMMDDYYYY in binary-coded decimals. Some old patches of AMD hold no date there, and no one but a
// reader of reports minds: empty.
std::string DateOf(uint32_t bcd) {
  char hex[9];
  std::snprintf(hex, sizeof hex, "%08x", bcd);
  const std::string_view text(hex, 8);
  const auto month = ParseUnsigned<unsigned>(text.substr(0, 2));
  const auto day = ParseUnsigned<unsigned>(text.substr(2, 2));
  const auto year = ParseUnsigned<unsigned>(text.substr(4));
  if (!month || !day || !year || *month < 1 || *month > 12 || *day < 1 || *day > 31) return "";
  return std::string(text.substr(4)) + "-" + std::string(text.substr(0, 2)) + "-" +
         std::string(text.substr(2, 2));
}

struct IntelSizes {
  uint32_t data;
  uint32_t total;
};

Result<IntelSizes> IntelSizesAt(std::string_view rest, size_t at) {
  if (rest.size() < kIntelHeader) return Bad(at, "truncated header");
  if (U32(rest, 0) != 1 || U32(rest, 20) != 1) return Bad(at, "no Intel update of version 1");
  IntelSizes sizes{U32(rest, 28), U32(rest, 32)};
  if (sizes.data == 0) sizes = {2000, 2048};  // what old updates leave out
  if (sizes.data % 4 != 0 || sizes.total % kIntelGranule != 0 || sizes.total > rest.size() ||
      sizes.total < kIntelHeader || sizes.data > sizes.total - kIntelHeader) {
    return Bad(at, "size outside of the file or of its own limits");
  }
  return sizes;
}

// The table of further processors behind the data.
Status AddExtended(std::string_view table, size_t at, const MicrocodeUpdate& update,
                   std::vector<MicrocodeUpdate>& out) {
  if (table.size() < kIntelExtendedHeader) return Bad(at, "truncated extended signatures");
  const uint32_t count = U32(table, 0);
  const uint64_t size = kIntelExtendedHeader + uint64_t{count} * kIntelExtendedEntry;
  if (size > table.size() || SumOf(table.substr(0, size)) != 0)
    return Bad(at, "extended signatures are damaged");
  for (uint32_t i = 0; i < count; ++i) {
    const size_t entry = kIntelExtendedHeader + i * kIntelExtendedEntry;
    MicrocodeUpdate further = update;
    further.cpu.eax = U32(table, entry);
    further.platforms = U32(table, entry + 4);
    out.push_back(std::move(further));
    if (out.size() > kMaxUpdates) return Bad(at, "too many updates");
  }
  return {};
}

// One AMD container: "DMA\0", the table of processors, patches up to the next container.
class AmdContainer {
 public:
  AmdContainer(std::string_view bytes, size_t at) : bytes_(bytes), at_(at) {}

  // Adds the patches; returns where the next container begins.
  Result<size_t> Read(std::vector<MicrocodeUpdate>& out) {
    LETHE_TRY(Need(12, "truncated container"));
    if (U32(bytes_, at_) != kAmdMagic || U32(bytes_, at_ + 4) != kAmdEquivalence)
      return Bad(at_, "no AMD container");
    const uint32_t table = U32(bytes_, at_ + 8);
    at_ += 12;
    LETHE_TRY(ReadTable(table));
    while (at_ < bytes_.size()) {
      LETHE_TRY(Need(8, "truncated section"));
      if (U32(bytes_, at_) == kAmdMagic) break;
      LETHE_TRY(ReadPatch(out));
    }
    return at_;
  }

 private:
  Status Need(uint64_t size, std::string_view what) const {
    if (bytes_.size() - at_ < size) return Bad(at_, what);
    return {};
  }

  Status ReadTable(uint32_t size) {
    LETHE_TRY(Need(size, "table of processors outside of the file"));
    if (size % kAmdEquivalenceEntry != 0) return Bad(at_, "table of processors of another size");
    for (size_t entry = at_; entry < at_ + size; entry += kAmdEquivalenceEntry) {
      const uint32_t cpu = U32(bytes_, entry);
      if (cpu == 0) break;
      cpus_.emplace(U32(bytes_, entry + 12) & 0xffff, CpuSignature{cpu});
    }
    at_ += size;
    return {};
  }

  Status ReadPatch(std::vector<MicrocodeUpdate>& out) {
    const uint32_t size = U32(bytes_, at_ + 4);
    if (U32(bytes_, at_) != kAmdPatch || size < kAmdPatchHeader) return Bad(at_, "no patch");
    at_ += 8;
    LETHE_TRY(Need(size, "patch outside of the file"));
    MicrocodeUpdate update;
    update.date = DateOf(U32(bytes_, at_));
    update.revision = U32(bytes_, at_ + 4);
    update.size_bytes = size;
    const uint32_t processor = U32(bytes_, at_ + 24) & 0xffff;
    const auto [begin, end] = cpus_.equal_range(processor);
    if (begin == end) return Bad(at_, "patch for a processor that its container does not name");
    for (auto it = begin; it != end; ++it) {
      update.cpu = it->second;
      out.push_back(update);
      if (out.size() > kMaxUpdates) return Bad(at_, "too many updates");
    }
    at_ += size;
    return {};
  }

  std::string_view bytes_;
  size_t at_;
  std::multimap<uint32_t, CpuSignature> cpus_;  // by the processor number of patches
};

// Joins one vendor's files.
template <typename Parse>
Status Append(const std::string& path, std::string_view bytes, Parse parse, std::string& out) {
  const auto updates = LETHE_TRY_IN(parse(bytes), path);
  if (updates.empty()) return Error{ErrorCode::kMalformed, Printable(path) + " is empty"};
  out += bytes;
  return {};
}

}  // namespace

// Intel SDM volume 2, CPUID leaf 1: the extended fields count for families 6 and 15 only.
unsigned CpuSignature::Family() const {
  const unsigned family = eax >> 8 & 0xf;
  return family == 0xf ? family + (eax >> 20 & 0xff) : family;
}

unsigned CpuSignature::Model() const {
  const unsigned family = eax >> 8 & 0xf;
  const unsigned model = eax >> 4 & 0xf;
  return family == 0xf || family == 6 ? model + ((eax >> 16 & 0xf) << 4) : model;
}

Result<std::vector<MicrocodeUpdate>> ParseIntelMicrocode(std::string_view bytes) {
  std::vector<MicrocodeUpdate> out;
  for (size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    const IntelSizes sizes = LETHE_TRY(IntelSizesAt(rest, at));
    const size_t main = kIntelHeader + sizes.data;
    if (SumOf(rest.substr(0, main)) != 0) return Bad(at, "the checksum is wrong");
    MicrocodeUpdate update;
    update.cpu.eax = U32(rest, 12);
    update.platforms = U32(rest, 24);
    update.revision = U32(rest, 4);
    update.date = DateOf(U32(rest, 8));
    update.size_bytes = sizes.total;
    out.push_back(update);
    if (out.size() > kMaxUpdates) return Bad(at, "too many updates");
    if (sizes.total > main)
      LETHE_TRY(AddExtended(rest.substr(main, sizes.total - main), at + main, update, out));
    at += sizes.total;
  }
  return out;
}

Result<std::vector<MicrocodeUpdate>> ParseAmdMicrocode(std::string_view bytes) {
  std::vector<MicrocodeUpdate> out;
  for (size_t at = 0; at < bytes.size();) at = LETHE_TRY(AmdContainer(bytes, at).Read(out));
  return out;
}

Result<MicrocodeFiles> JoinMicrocode(const Tree& firmware) {
  MicrocodeFiles out;
  for (const auto& [path, node] : firmware.nodes()) {
    if (node.type != NodeType::kFile) continue;
    if (GlobMatch("/usr/lib/firmware/amd-ucode/*.bin", path)) {
      LETHE_TRY(Append(path, node.content.bytes(), ParseAmdMicrocode, out.amd));
    } else if (GlobMatch("/usr/lib/firmware/intel-ucode/*", path)) {
      LETHE_TRY(Append(path, node.content.bytes(), ParseIntelMicrocode, out.intel));
    }
  }
  return out;
}

Result<std::string> EarlyArchive(const MicrocodeFiles& files) {
  constexpr size_t kAlignment = 16;
  if (files.amd.empty() && files.intel.empty()) return std::string();
  CpioStringSink sink;
  CpioWriter cpio(sink);
  for (const char* folder : {"kernel", "kernel/x86", "kernel/x86/microcode"})
    LETHE_TRY(cpio.AddDirectory(folder, 0755));
  for (const auto& [path, bytes] :
       {std::pair(kAmdMicrocodePath, &files.amd), std::pair(kIntelMicrocodePath, &files.intel)}) {
    if (bytes->empty()) continue;
    LETHE_TRY(cpio.AddFile(path.substr(1), 0644, *bytes, kAlignment));
  }
  LETHE_TRY(cpio.Finish());
  return sink.Take();
}

Status CollectMicrocode(const std::vector<PackageFile>& packages, const fs::path& output) {
  Tree all;
  std::map<std::string, std::string> copyrights;
  for (const PackageFile& package : packages) {
    PackageExtract extract = LETHE_TRY(ReadPackageExtract(package, kFirmwareFolder));
    const auto own = LETHE_TRY_IN(JoinMicrocode(extract.files), "package " + package.name);
    if (own.amd.empty() && own.intel.empty()) {
      return Error{ErrorCode::kMalformed,
                   "package '" + package.name + "' (key 'microcode') has none"};
    }
    for (const auto& [path, node] : extract.files.nodes()) LETHE_TRY(all.Put(path, node));
    copyrights[package.name] = std::move(extract.copyright);
  }
  const MicrocodeFiles files = LETHE_TRY(JoinMicrocode(all));
  if (!files.amd.empty()) LETHE_TRY(WriteFileAtomic(output / "amd.bin", files.amd));
  if (!files.intel.empty()) LETHE_TRY(WriteFileAtomic(output / "intel.bin", files.intel));
  return WriteCopyrights(copyrights, output / "copyrights");
}

Result<MicrocodeFiles> ReadMicrocode(const fs::path& folder) {
  MicrocodeFiles files;
  if (fs::exists(folder / "amd.bin")) files.amd = LETHE_TRY(ReadFile(folder / "amd.bin"));
  if (fs::exists(folder / "intel.bin")) files.intel = LETHE_TRY(ReadFile(folder / "intel.bin"));
  return files;
}

}  // namespace lethe::image
