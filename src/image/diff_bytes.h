// Recognises what a differing byte belongs to: a date, a UUID, a path, a section of an ELF file, a
// field of a compressed stream. Each question is about both sides at the same offset. Pure; hostile
// bytes only lead to "no".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lethe::image {

// The first offset at which the two differ, the length of the shorter one where it is a prefix.
uint64_t FirstDifference(std::string_view a, std::string_view b);

// The first 4 KiB hold no control characters but white space.
bool LooksLikeText(std::string_view bytes);

// The run of printable characters but spaces and quotes around an offset, at most 256 to each side.
struct Token {
  std::string_view text;
  std::string_view before;  // up to 64 bytes in front of it
  uint64_t at = 0;          // the offset in `text`
};
Token TokenAt(std::string_view bytes, uint64_t at);

// A date, a time of day or seconds since 1970 covers the offset.
bool InDate(std::string_view bytes, uint64_t at);
// Hours, a zone's name or an offset such as +0200, with the same date around it, on both sides.
bool InTimeZone(std::string_view a, std::string_view b, uint64_t at);
// 8-4-4-4-12 hexadecimal digits cover the offset.
bool InUuid(std::string_view bytes, uint64_t at);
// A path below a folder in which builds run.
bool InBuildPath(const Token& token);
// "6.12.48+deb13-amd64" of uname(1).
bool InKernelRelease(const Token& token);
// "user@host", or a word behind "host".
bool InHostName(const Token& token);
// -march=, -mtune=, or the name of a CPU's feature.
bool InCpuFlags(const Token& token);
// The version of a compiler, a linker or a formatter.
bool InToolVersion(const Token& token);

// The same lines in another order.
bool SameLinesReordered(std::string_view a, std::string_view b);
// ...and one of them in byte order, the other as a locale sorts.
bool SortedByLocale(std::string_view a, std::string_view b);

// Name of the section of a 64-bit ELF file that holds an offset; empty for none.
std::string_view ElfSectionAt(std::string_view bytes, uint64_t at);

// RFC 1952: which field of the header.
enum class GzipField { kNone, kTime, kName, kSystem };
GzipField GzipFieldAt(std::string_view bytes, uint64_t at);
// Number of blocks that the index of an .xz file tells; 0 where this is no whole .xz file.
uint64_t XzBlocks(std::string_view bytes);
// Both are streams of one format that decompress to the same bytes.
bool SameDecompressed(std::string_view a, std::string_view b, uint64_t max_bytes);

// Lines of colon-separated fields: the names of the first column are the same, and so is all but
// column `column` (from 0).
bool OnlyColumnDiffers(std::string_view a, std::string_view b, size_t column);

}  // namespace lethe::image
