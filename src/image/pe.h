// Reads and extends PE32+ images for x86-64, the format of UEFI programs (Microsoft's "PE Format";
// UEFI specification 2.10, 2.1.1). Pure: bytes in, bytes out. Stricter than the format, so that
// every byte of a file belongs to its headers, to one section or to its signature, and no byte
// escapes the digest that Secure Boot checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

inline constexpr uint64_t kMaxPeBytes = 1ULL << 30;
inline constexpr size_t kMaxPeSections = 96;  // Windows' limit
inline constexpr size_t kPeCertificateEntryBytes = 8;
inline constexpr size_t kPeChecksumBytes = 4;

struct PeSection {
  std::string name;  // printable, at most 8 characters
  uint32_t virtual_size = 0;
  uint32_t virtual_address = 0;
  uint32_t raw_size = 0;    // in the file, padded to the file alignment
  uint32_t raw_offset = 0;  // in the file; 0 where raw_size is
};

struct PeImage {
  std::vector<PeSection> sections;  // in the order of their addresses, and of their bytes
  uint32_t section_alignment = 0;
  uint32_t file_alignment = 0;
  uint32_t headers_bytes = 0;
  uint32_t image_bytes = 0;      // in memory
  size_t coff_offset = 0;        // of the COFF file header
  size_t table_offset = 0;       // of the section table
  size_t checksum_offset = 0;    // of CheckSum
  size_t certificate_entry = 0;  // of the data directory's entry for signatures
  uint64_t content_bytes = 0;    // headers and sections; what follows is the certificate table
  uint64_t certificates_bytes = 0;
};

// Whether the file begins like a PE image: enough to tell one from an ISO.
bool LooksLikePe(std::string_view file);

// kMalformed with the byte offset: anything that is not a PE32+ image for x86-64; sections that
// overlap, leave a gap or are out of order; bytes after the last section that are no certificate
// table; a symbol table, relocations or line numbers in the file.
Result<PeImage> ReadPe(std::string_view file);

// Null where there is none.
const PeSection* FindPeSection(const PeImage& image, std::string_view name);

// A section's content without the padding. `image` must come from `file`.
std::string_view PeSectionBytes(std::string_view file, const PeSection& section);

struct NewPeSection {
  std::string_view name;  // at most 8 characters
  std::string_view bytes;
};

// `file` with more sections of read-only data behind its own, time stamp 0 and a right checksum.
// kMalformed for a bad or signed `file`, kConflict where the section table or the address space
// has no room.
Result<std::string> AddPeSections(std::string_view file, const std::vector<NewPeSection>& sections);

// Computes CheckSum anew. `image` must come from `file`, up to its certificate table.
void UpdatePeChecksum(std::string& file, const PeImage& image);

}  // namespace lethe::image
