#include "image/diff_bytes.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "archive/archive.h"
#include "base/strings.h"
#include "image/diff_layer.h"

namespace lethe::image {
namespace {

constexpr uint64_t kMaxToken = 256;
constexpr uint64_t kContext = 64;
constexpr uint64_t kMaxElfSections = 65536;
constexpr uint64_t kMaxSortedBytes = 16U << 20;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string Lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), Lower);
  return out;
}

bool InToken(char c) { return c > ' ' && c < '\x7f' && c != '"' && c != '\''; }

// In a shape, 'd' is a digit, 'h' a hexadecimal one, 'a' a letter, all else itself.
bool HasShape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    const char c = text[i];
    const bool fits = shape[i] == 'd'   ? IsDigit(c)
                      : shape[i] == 'h' ? IsHex(c)
                      : shape[i] == 'a' ? IsLetter(c)
                                        : c == shape[i];
    if (!fits) return false;
  }
  return true;
}

// A match of the shape that covers the offset, with no digit at either side; its start, or npos.
size_t ShapeAround(std::string_view bytes, uint64_t at, std::string_view shape) {
  const uint64_t first = at < shape.size() ? 0 : at - shape.size() + 1;
  for (uint64_t i = first; i <= at && i < bytes.size(); ++i) {
    if (!HasShape(bytes.substr(i), shape)) continue;
    const uint64_t end = i + shape.size();
    if ((i == 0 || !IsDigit(bytes[i - 1])) && (end == bytes.size() || !IsDigit(bytes[end])))
      return i;
  }
  return std::string_view::npos;
}

bool IsYear(std::string_view text) { return text.starts_with("19") || text.starts_with("20"); }

bool IsMonthOrDay(std::string_view text) {
  constexpr std::string_view kNames[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                         "aug", "sep", "oct", "nov", "dec", "mon", "tue",
                                         "wed", "thu", "fri", "sat", "sun"};
  const std::string lower = Lowered(text.substr(0, 3));
  return std::find(std::begin(kNames), std::end(kNames), lower) != std::end(kNames);
}

// What must stand in the matched text for it to be a date.
bool IsPlausible(std::string_view shape, std::string_view text) {
  if (shape == "dddddddddd") {  // seconds since 1970: from 2001 to 2033
    const auto seconds = ParseUnsigned<uint64_t>(text);
    return seconds && *seconds >= 1'000'000'000 && *seconds < 2'000'000'000;
  }
  if (shape.starts_with("dddd")) return IsYear(text);
  if (shape.starts_with("dd:dd")) return text[0] <= '2' && text[3] <= '5';
  if (shape.starts_with("aaa")) return IsMonthOrDay(text);
  return IsMonthOrDay(text.substr(3));  // "dd aaa dddd"
}

constexpr std::string_view kDateShapes[] = {
    "dddd-dd-dd",          "dddd/dd/dd",  "dddddddddddddd", "dddddddd",
    "dddddddddd",          "dd:dd:dd",    "dd:dd",          "aaa aaa dd dd:dd:dd",
    "aaa aaa  d dd:dd:dd", "aaa dd dddd", "aaa  d dddd",    "dd aaa dddd"};

std::string_view Line(std::string_view bytes, uint64_t at) {
  const uint64_t from = std::min<uint64_t>(at, bytes.size());
  uint64_t begin = from, end = from;
  while (begin > 0 && from - begin < kMaxToken && bytes[begin - 1] != '\n') --begin;
  while (end < bytes.size() && end - from < kMaxToken && bytes[end] != '\n') ++end;
  return bytes.substr(begin, end - begin);
}

std::vector<std::string_view> SortedLines(std::string_view text) {
  auto lines = Lines(text);
  std::sort(lines.begin(), lines.end());
  return lines;
}

// As locales such as en_US collate at their first level: letters and digits count, case does not.
std::string CollationKey(std::string_view line) {
  std::string key;
  for (const char c : line) {
    if (IsLetter(c) || IsDigit(c)) key += Lower(c);
  }
  return key;
}

bool IsCollated(const std::vector<std::string_view>& lines) {
  return std::is_sorted(lines.begin(), lines.end(), [](std::string_view x, std::string_view y) {
    return CollationKey(x) < CollationKey(y);
  });
}

}  // namespace

uint64_t FirstDifference(std::string_view a, std::string_view b) {
  const size_t size = std::min(a.size(), b.size());
  constexpr size_t kStep = 1U << 16;
  size_t at = 0;
  while (at + kStep <= size && std::memcmp(a.data() + at, b.data() + at, kStep) == 0) at += kStep;
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

bool LooksLikeText(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 4096);
  return std::all_of(head.begin(), head.end(), [](char c) {
    return static_cast<uint8_t>(c) >= ' ' || c == '\n' || c == '\t' || c == '\r';
  });
}

Token TokenAt(std::string_view bytes, uint64_t at) {
  if (at >= bytes.size() || !InToken(bytes[at])) {
    // A token that ends here: the other side's is longer.
    if (at == 0 || at > bytes.size() || !InToken(bytes[at - 1])) return {};
    Token before = TokenAt(bytes, at - 1);
    before.at = std::min<uint64_t>(before.at + 1, before.text.size());
    return before;
  }
  uint64_t begin = at, end = at;
  while (begin > 0 && at - begin < kMaxToken && InToken(bytes[begin - 1])) --begin;
  while (end < bytes.size() && end - at < kMaxToken && InToken(bytes[end])) ++end;
  const uint64_t context = std::min(begin, kContext);
  return {bytes.substr(begin, end - begin), bytes.substr(begin - context, context), at - begin};
}

bool InDate(std::string_view bytes, uint64_t at) {
  return std::any_of(std::begin(kDateShapes), std::end(kDateShapes), [&](std::string_view shape) {
    const size_t start = ShapeAround(bytes, at, shape);
    return start != std::string_view::npos && IsPlausible(shape, bytes.substr(start, shape.size()));
  });
}

bool InTimeZone(std::string_view a, std::string_view b, uint64_t at) {
  constexpr std::string_view kNames[] = {"UTC", "GMT", "CET", "CEST", "EST", "EDT",
                                         "PST", "PDT", "MSK", "JST",  "IST", "Z"};
  const auto is_zone = [&](std::string_view side) {
    const std::string_view zone = TokenAt(side, at).text;
    if (HasShape(zone, "+dddd") || HasShape(zone, "-dddd") || HasShape(zone, "+dd:dd") ||
        HasShape(zone, "-dd:dd")) {
      return true;
    }
    return std::find(std::begin(kNames), std::end(kNames), zone) != std::end(kNames);
  };
  const auto has_time = [&](std::string_view side) {
    const std::string_view line = Line(side, at);
    for (size_t i = 0; i < line.size(); ++i) {
      if (HasShape(line.substr(i), "dd:dd")) return true;
    }
    return false;
  };
  if (is_zone(a) && is_zone(b)) return has_time(a) && has_time(b);
  // The hour alone: minutes and seconds are the same.
  const size_t hour_a = ShapeAround(a, at, "dd:dd:dd");
  const size_t hour_b = ShapeAround(b, at, "dd:dd:dd");
  return hour_a != std::string_view::npos && hour_a == hour_b && at < hour_a + 2 &&
         a.substr(hour_a + 2, 6) == b.substr(hour_b + 2, 6);
}

bool InUuid(std::string_view bytes, uint64_t at) {
  constexpr std::string_view kShape = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
  return ShapeAround(bytes, at, kShape) != std::string_view::npos;
}

bool InBuildPath(const Token& token) {
  constexpr std::string_view kFolders[] = {"/home/", "/root/",    "/build/", "/tmp/",
                                           "/src/",  "/var/tmp/", "/work/",  "/mnt/"};
  const std::string_view head = token.text.substr(0, token.at + 1);
  const size_t slash = token.text.find('/');
  if (slash == std::string_view::npos) return false;
  return std::any_of(std::begin(kFolders), std::end(kFolders), [&](std::string_view folder) {
    const size_t at = token.text.find(folder);
    // The folder's own name may be what differs.
    return at != std::string_view::npos && (at < head.size() || at == slash);
  });
}

bool InKernelRelease(const Token& token) {
  constexpr std::string_view kFlavours[] = {"-amd64", "-cloud", "-generic", "-arch", "-default",
                                            "-azure", "-aws",   "-gcp",     "-rt",   "-lts",
                                            ".el",    ".fc",    "-pve",     "+deb"};
  // The release may stand inside of a longer token, such as a path.
  size_t start = token.text.substr(0, token.at + 1).find_last_of("/=:(");
  start = start == std::string_view::npos ? 0 : start + 1;
  const std::string_view release = token.text.substr(start);
  size_t i = 0;
  int numbers = 0;
  while (i < release.size() && IsDigit(release[i])) {
    while (i < release.size() && IsDigit(release[i])) ++i;
    ++numbers;
    if (i < release.size() && release[i] == '.') ++i;
  }
  if (numbers < 2) return false;
  const bool flavour = std::any_of(std::begin(kFlavours), std::end(kFlavours),
                                   [&](auto f) { return release.find(f) != release.npos; });
  const std::string before = Lowered(token.before);
  return flavour || (numbers >= 3 && (before.find("linux") != std::string::npos ||
                                      before.find("kernel") != std::string::npos ||
                                      before.find("uname") != std::string::npos));
}

bool InHostName(const Token& token) {
  const size_t at_sign = token.text.find('@');
  // "user@host": letters in front of the sign, and the difference behind it.
  if (at_sign != std::string_view::npos && at_sign > 0 && token.at > at_sign &&
      IsLetter(token.text[at_sign - 1])) {
    return true;
  }
  const std::string before = Lowered(token.before) + Lowered(token.text.substr(0, token.at));
  const size_t host = before.rfind("host");
  return host != std::string::npos && before.size() - host <= 16;
}

bool InCpuFlags(const Token& token) {
  constexpr std::string_view kFlags[] = {"avx",  "avx2",  "avx512f", "sse4_1", "sse4_2", "aes",
                                         "bmi1", "bmi2",  "fma",     "sha_ni", "rdrand", "popcnt",
                                         "adx",  "ssse3", "vaes",    "gfni"};
  if (token.text.find("-march=") != std::string_view::npos ||
      token.text.find("-mtune=") != std::string_view::npos) {
    return true;
  }
  return std::find(std::begin(kFlags), std::end(kFlags), token.text) != std::end(kFlags);
}

bool InToolVersion(const Token& token) {
  constexpr std::string_view kTools[] = {"gcc",     "clang",    "llvm",  "rustc",   "binutils",
                                         "mkfs",    "grub",     "cmake", "xorriso", "mksquashfs",
                                         "version", "libisofs", "go1"};
  const std::string text = Lowered(token.before) + Lowered(token.text);
  const bool number = token.text.find_first_of("0123456789") != std::string_view::npos &&
                      token.text.find('.') != std::string_view::npos;
  return number && std::any_of(std::begin(kTools), std::end(kTools),
                               [&](auto tool) { return text.find(tool) != std::string::npos; });
}

bool SameLinesReordered(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || a == b || a.size() > kMaxSortedBytes) return false;
  return SortedLines(a) == SortedLines(b);
}

bool SortedByLocale(std::string_view a, std::string_view b) {
  if (!SameLinesReordered(a, b)) return false;
  const auto lines_a = Lines(a), lines_b = Lines(b);
  const bool bytes_a = std::is_sorted(lines_a.begin(), lines_a.end());
  const bool bytes_b = std::is_sorted(lines_b.begin(), lines_b.end());
  return (bytes_a && IsCollated(lines_b)) || (bytes_b && IsCollated(lines_a));
}

std::string_view ElfSectionAt(std::string_view bytes, uint64_t at) {
  if (bytes.size() < sizeof(Elf64_Ehdr) || !bytes.starts_with("\x7f"
                                                              "ELF\x02\x01"))
    return {};
  const uint64_t table = LittleEndian(bytes, offsetof(Elf64_Ehdr, e_shoff), 8);
  const uint64_t count = LittleEndian(bytes, offsetof(Elf64_Ehdr, e_shnum), 2);
  const uint64_t names = LittleEndian(bytes, offsetof(Elf64_Ehdr, e_shstrndx), 2);
  constexpr uint64_t kHeader = sizeof(Elf64_Shdr);
  if (count > kMaxElfSections || table > bytes.size() || names >= count ||
      count * kHeader > bytes.size() - table) {
    return {};
  }
  const auto field = [&](uint64_t section, uint64_t offset, size_t size) {
    return LittleEndian(bytes, table + section * kHeader + offset, size);
  };
  const uint64_t text = field(names, offsetof(Elf64_Shdr, sh_offset), 8);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t begin = field(i, offsetof(Elf64_Shdr, sh_offset), 8);
    const uint64_t size = field(i, offsetof(Elf64_Shdr, sh_size), 8);
    if (field(i, offsetof(Elf64_Shdr, sh_type), 4) == SHT_NOBITS) continue;
    if (at < begin || at - begin >= size) continue;
    const uint64_t name = field(i, offsetof(Elf64_Shdr, sh_name), 4);
    if (text > bytes.size() || name >= bytes.size() - text) return {};
    const std::string_view found = bytes.substr(text + name, kMaxToken);
    return found.substr(0, found.find('\0'));
  }
  return {};
}

GzipField GzipFieldAt(std::string_view bytes, uint64_t at) {
  constexpr uint64_t kExtra = 4, kName = 8;
  if (bytes.size() < 10 || !bytes.starts_with("\x1f\x8b\x08")) return GzipField::kNone;
  const uint64_t flags = LittleEndian(bytes, 3, 1);
  if (at >= 4 && at < 8) return GzipField::kTime;
  if (at == 8 || at == 9) return GzipField::kSystem;
  if (at == 3) return (flags & kName) != 0 ? GzipField::kName : GzipField::kSystem;
  if ((flags & kName) == 0) return GzipField::kNone;
  const uint64_t name = 10 + ((flags & kExtra) != 0 ? 2 + LittleEndian(bytes, 10, 2) : 0);
  const size_t end = bytes.find('\0', name);
  return at >= name && end != std::string_view::npos && at <= end ? GzipField::kName
                                                                  : GzipField::kNone;
}

// The .xz file format 1.2.0: the footer (2.1.2) tells the size of the index (4.2).
uint64_t XzBlocks(std::string_view bytes) {
  if (bytes.size() < 32 ||
      !bytes.starts_with(std::string_view("\xfd"
                                          "7zXZ\0",
                                          6)) ||
      !bytes.ends_with("YZ")) {
    return 0;
  }
  const uint64_t index_size = (LittleEndian(bytes, bytes.size() - 8, 4) + 1) * 4;
  if (index_size > bytes.size() - 24) return 0;
  const std::string_view index = bytes.substr(bytes.size() - 12 - index_size, index_size);
  if (index[0] != '\0') return 0;
  uint64_t blocks = 0;
  for (size_t i = 1; i < index.size() && i < 10; ++i) {
    const auto byte = static_cast<uint8_t>(index[i]);
    blocks |= uint64_t{byte & 0x7fU} << (7 * (i - 1));
    if ((byte & 0x80) == 0) return blocks;
  }
  return 0;
}

bool SameDecompressed(std::string_view a, std::string_view b, uint64_t max_bytes) {
  constexpr std::string_view kMagics[] = {"\x1f\x8b",
                                          "\xfd"
                                          "7zXZ",
                                          "\x28\xb5\x2f\xfd"};
  for (const std::string_view magic : kMagics) {
    if (!a.starts_with(magic) || !b.starts_with(magic)) continue;
    const auto plain_a = archive::Decompress(a, "a", max_bytes);
    const auto plain_b = archive::Decompress(b, "b", max_bytes);
    return plain_a && plain_b && *plain_a == *plain_b;
  }
  return false;
}

bool OnlyColumnDiffers(std::string_view a, std::string_view b, size_t column) {
  const auto lines_a = Lines(a), lines_b = Lines(b);
  if (lines_a.size() != lines_b.size() || a == b) return false;
  for (size_t i = 0; i < lines_a.size(); ++i) {
    const auto fields_a = Split(lines_a[i], ':'), fields_b = Split(lines_b[i], ':');
    if (fields_a.size() != fields_b.size()) return false;
    for (size_t f = 0; f < fields_a.size(); ++f) {
      if (f != column && fields_a[f] != fields_b[f]) return false;
    }
  }
  return true;
}

}  // namespace lethe::image
