#include "image/pe.h"

#include <algorithm>

namespace lethe::image {
namespace {

constexpr size_t kDosHeaderBytes = 64;
constexpr size_t kDosPeOffset = 60;
constexpr size_t kMaxPeOffset = 4096;
constexpr size_t kCoffBytes = 20;
constexpr size_t kOptionalFixedBytes = 112;  // PE32+, without data directories
constexpr size_t kCertificateDirectory = 4;
constexpr size_t kMaxDirectories = 16;
constexpr size_t kSectionHeaderBytes = 40;
constexpr size_t kNameBytes = 8;
constexpr uint16_t kMachineX64 = 0x8664;
constexpr uint16_t kMagicPe32Plus = 0x20b;
constexpr uint32_t kMinFileAlignment = 512;
constexpr uint32_t kMaxAlignment = 1U << 21;
constexpr uint32_t kReadOnlyData = 0x40000040;  // CNT_INITIALIZED_DATA, MEM_READ

// Offsets in the COFF file header.
constexpr size_t kSectionCount = 2;
constexpr size_t kTimeStamp = 4;
constexpr size_t kSymbolTable = 8;
constexpr size_t kOptionalSize = 16;
// Offsets in the optional header.
constexpr size_t kInitializedDataSize = 8;
constexpr size_t kSectionAlignment = 32;
constexpr size_t kFileAlignment = 36;
constexpr size_t kImageSize = 56;
constexpr size_t kHeadersSize = 60;
constexpr size_t kChecksum = 64;
constexpr size_t kDirectoryCount = 108;

Error BadPe(uint64_t offset, std::string_view what) {
  return Error{ErrorCode::kMalformed,
               "PE image at byte " + std::to_string(offset) + ": " + std::string(what)};
}

uint8_t Byte(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

uint16_t Little16(std::string_view bytes, size_t i) {
  return static_cast<uint16_t>(Byte(bytes, i) | Byte(bytes, i + 1) << 8);
}

uint32_t Little32(std::string_view bytes, size_t i) {
  return Little16(bytes, i) | uint32_t{Little16(bytes, i + 2)} << 16;
}

void PutLittle(std::string& bytes, size_t at, uint32_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

bool IsAlignment(uint32_t value) {
  return value >= kMinFileAlignment && value <= kMaxAlignment && (value & (value - 1)) == 0;
}

class PeParser {
 public:
  explicit PeParser(std::string_view file) : file_(file) {}

  Result<PeImage> Parse() {
    LETHE_TRY(ParseHeaders());
    LETHE_TRY(ParseOptionalHeader());
    LETHE_TRY(ParseSections());
    LETHE_TRY(CheckCertificates());
    return std::move(image_);
  }

 private:
  Status ParseHeaders() {
    if (file_.size() > kMaxPeBytes) return BadPe(0, "larger than 1 GiB");
    if (!LooksLikePe(file_)) return BadPe(0, "no DOS header with a PE signature behind it");
    image_.coff_offset = Little32(file_, kDosPeOffset) + 4;
    const size_t coff = image_.coff_offset;
    if (file_.size() < coff + kCoffBytes) return BadPe(coff, "ends within the COFF header");
    if (Little16(file_, coff) != kMachineX64) return BadPe(coff, "is not for x86-64");
    if (Little32(file_, coff + kSymbolTable) != 0)
      return BadPe(coff + kSymbolTable, "has a symbol table");
    return {};
  }

  Status ParseOptionalHeader() {
    optional_ = image_.coff_offset + kCoffBytes;
    const size_t size = Little16(file_, image_.coff_offset + kOptionalSize);
    if (size < kOptionalFixedBytes || file_.size() < optional_ + size)
      return BadPe(optional_, "ends within the optional header");
    if (Little16(file_, optional_) != kMagicPe32Plus) return BadPe(optional_, "is not PE32+");
    const uint32_t directories = Little32(file_, optional_ + kDirectoryCount);
    if (directories <= kCertificateDirectory || directories > kMaxDirectories ||
        size != kOptionalFixedBytes + directories * kPeCertificateEntryBytes) {
      return BadPe(optional_ + kDirectoryCount, "has a wrong number of data directories");
    }
    image_.table_offset = optional_ + size;
    image_.checksum_offset = optional_ + kChecksum;
    image_.certificate_entry =
        optional_ + kOptionalFixedBytes + kCertificateDirectory * kPeCertificateEntryBytes;
    image_.section_alignment = Little32(file_, optional_ + kSectionAlignment);
    image_.file_alignment = Little32(file_, optional_ + kFileAlignment);
    if (!IsAlignment(image_.section_alignment) || !IsAlignment(image_.file_alignment) ||
        image_.section_alignment < image_.file_alignment) {
      return BadPe(optional_ + kSectionAlignment, "has alignments that are not allowed");
    }
    image_.image_bytes = Little32(file_, optional_ + kImageSize);
    image_.headers_bytes = Little32(file_, optional_ + kHeadersSize);
    return {};
  }

  Status ParseSections() {
    const size_t count = Little16(file_, image_.coff_offset + kSectionCount);
    if (count == 0 || count > kMaxPeSections)
      return BadPe(image_.coff_offset + kSectionCount, std::to_string(count) + " sections");
    const uint64_t table_end = image_.table_offset + count * kSectionHeaderBytes;
    if (image_.headers_bytes < table_end || image_.headers_bytes > file_.size() ||
        image_.headers_bytes % image_.file_alignment != 0) {
      return BadPe(optional_ + kHeadersSize, "has headers of a wrong size");
    }
    next_raw_ = image_.headers_bytes;
    next_address_ = AlignUp(image_.headers_bytes, image_.section_alignment);
    for (size_t i = 0; i < count; ++i) {
      LETHE_TRY(ParseSection(image_.table_offset + i * kSectionHeaderBytes));
    }
    if (next_address_ != image_.image_bytes)
      return BadPe(optional_ + kImageSize, "has another size in memory than its sections");
    image_.content_bytes = next_raw_;
    return {};
  }

  Status ParseSection(size_t at) {
    PeSection section;
    const std::string_view name = file_.substr(at, kNameBytes);
    section.name = name.substr(0, name.find('\0'));
    const bool printable = std::all_of(section.name.begin(), section.name.end(),
                                       [](char c) { return c > ' ' && c <= '~'; });
    if (section.name.empty() || !printable ||
        name.find_first_not_of('\0', section.name.size()) != std::string_view::npos) {
      return BadPe(at, "has a section without a printable name");
    }
    if (FindPeSection(image_, section.name) != nullptr)
      return BadPe(at, "has the section " + section.name + " twice");
    section.virtual_size = Little32(file_, at + 8);
    section.virtual_address = Little32(file_, at + 12);
    section.raw_size = Little32(file_, at + 16);
    section.raw_offset = Little32(file_, at + 20);
    // Relocations and line numbers: their offsets and counts.
    if (Little32(file_, at + 24) != 0 || Little32(file_, at + 28) != 0 ||
        Little32(file_, at + 32) != 0) {
      return BadPe(at + 24, section.name + " has relocations or line numbers of its own");
    }
    if (section.virtual_size == 0 || section.virtual_address < next_address_ ||
        section.virtual_address % image_.section_alignment != 0) {
      return BadPe(at + 12, section.name + " is empty, overlaps another section or is unaligned");
    }
    next_address_ =
        AlignUp(uint64_t{section.virtual_address} + section.virtual_size, image_.section_alignment);
    if (next_address_ > UINT32_MAX) return BadPe(at + 8, section.name + " ends beyond 4 GiB");
    if (section.raw_size != 0 && section.raw_offset != next_raw_) {
      return BadPe(at + 20, section.name + " does not follow the bytes of the section before it");
    }
    if (section.raw_size % image_.file_alignment != 0 ||
        section.raw_size > AlignUp(section.virtual_size, image_.file_alignment) ||
        section.raw_size > file_.size() - next_raw_) {
      return BadPe(at + 16, section.name + " has a wrong number of bytes in the file");
    }
    next_raw_ += section.raw_size;
    image_.sections.push_back(std::move(section));
    return {};
  }

  // The certificate table is what follows the sections, to the last byte.
  Status CheckCertificates() {
    const uint32_t offset = Little32(file_, image_.certificate_entry);
    const uint32_t size = Little32(file_, image_.certificate_entry + 4);
    image_.certificates_bytes = file_.size() - image_.content_bytes;
    if (offset == 0 && size == 0) {
      if (image_.certificates_bytes == 0) return {};
      return BadPe(image_.content_bytes, "has bytes behind its last section");
    }
    if (offset != image_.content_bytes || size != image_.certificates_bytes || size == 0) {
      return BadPe(image_.certificate_entry,
                   "has a certificate table that is not all that follows the last section");
    }
    return {};
  }

  std::string_view file_;
  PeImage image_;
  size_t optional_ = 0;
  uint64_t next_raw_ = 0;
  uint64_t next_address_ = 0;
};

std::string SectionHeader(const NewPeSection& section, uint64_t address, uint64_t raw_offset,
                          uint64_t raw_size) {
  std::string header(kSectionHeaderBytes, '\0');
  section.name.copy(header.data(), kNameBytes);
  PutLittle(header, 8, static_cast<uint32_t>(section.bytes.size()), 4);
  PutLittle(header, 12, static_cast<uint32_t>(address), 4);
  PutLittle(header, 16, static_cast<uint32_t>(raw_size), 4);
  PutLittle(header, 20, static_cast<uint32_t>(raw_offset), 4);
  PutLittle(header, 36, kReadOnlyData, 4);
  return header;
}

}  // namespace

bool LooksLikePe(std::string_view file) {
  if (file.size() < kDosHeaderBytes || !file.starts_with("MZ")) return false;
  const uint64_t offset = Little32(file, kDosPeOffset);
  return offset >= kDosHeaderBytes && offset <= kMaxPeOffset && offset + 4 <= file.size() &&
         file.substr(offset, 4) == std::string_view("PE\0\0", 4);
}

Result<PeImage> ReadPe(std::string_view file) { return PeParser(file).Parse(); }

const PeSection* FindPeSection(const PeImage& image, std::string_view name) {
  for (const PeSection& section : image.sections) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

std::string_view PeSectionBytes(std::string_view file, const PeSection& section) {
  return file.substr(section.raw_offset, std::min(section.virtual_size, section.raw_size));
}

Result<std::string> AddPeSections(std::string_view file,
                                  const std::vector<NewPeSection>& sections) {
  const PeImage image = LETHE_TRY(ReadPe(file));
  if (image.certificates_bytes != 0)
    return BadPe(image.certificate_entry, "is signed: more sections would break the signature");
  const size_t count = image.sections.size() + sections.size();
  if (count > kMaxPeSections ||
      image.table_offset + count * kSectionHeaderBytes > image.headers_bytes) {
    return Error{ErrorCode::kConflict, "the PE image has no room for " +
                                           std::to_string(sections.size()) + " more sections"};
  }
  uint64_t total = file.size();
  for (const NewPeSection& section : sections) total += section.bytes.size();
  if (total > kMaxPeBytes - count * image.section_alignment)
    return Error{ErrorCode::kConflict, "the PE image would be larger than 1 GiB"};

  std::string out(file);
  out.reserve(total + count * image.file_alignment);
  uint64_t address = image.image_bytes;
  size_t header_at = image.table_offset + image.sections.size() * kSectionHeaderBytes;
  const size_t optional = image.coff_offset + kCoffBytes;
  uint64_t data_bytes = Little32(file, optional + kInitializedDataSize);
  for (const NewPeSection& section : sections) {
    LETHE_ASSERT(section.name.size() <= kNameBytes);
    const uint64_t raw_size = AlignUp(section.bytes.size(), image.file_alignment);
    out.replace(header_at, kSectionHeaderBytes,
                SectionHeader(section, address, out.size(), raw_size));
    out.append(section.bytes);
    out.append(raw_size - section.bytes.size(), '\0');
    header_at += kSectionHeaderBytes;
    address = AlignUp(address + section.bytes.size(), image.section_alignment);
    data_bytes += section.bytes.size();
  }
  if (address > UINT32_MAX || data_bytes > UINT32_MAX)
    return Error{ErrorCode::kConflict, "the PE image has no addresses left"};
  PutLittle(out, image.coff_offset + kSectionCount, static_cast<uint32_t>(count), 2);
  PutLittle(out, image.coff_offset + kTimeStamp, 0, 4);
  PutLittle(out, optional + kInitializedDataSize, static_cast<uint32_t>(data_bytes), 4);
  PutLittle(out, optional + kImageSize, static_cast<uint32_t>(address), 4);
  const PeImage extended = LETHE_TRY_IN(ReadPe(out), "adding sections");
  UpdatePeChecksum(out, extended);
  return out;
}

// The sum of all 16-bit words with end-around carry, CheckSum itself taken as 0, plus the length.
void UpdatePeChecksum(std::string& file, const PeImage& image) {
  PutLittle(file, image.checksum_offset, 0, kPeChecksumBytes);
  uint64_t sum = 0;
  size_t i = 0;
  for (; i + 1 < file.size(); i += 2) sum += Little16(file, i);
  if (i < file.size()) sum += Byte(file, i);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  PutLittle(file, image.checksum_offset, static_cast<uint32_t>(sum + file.size()),
            kPeChecksumBytes);
}

}  // namespace lethe::image
