#include "image/cpio_reader.h"

#include <string>

#include "base/strings.h"

namespace lethe::image {

Result<std::vector<CpioEntry>> ReadCpio(std::string_view archive) {
  constexpr size_t kHeader = 110;
  constexpr size_t kMaxEntries = 100000;
  std::vector<CpioEntry> entries;
  uint64_t at = 0;
  const auto bad = [&](std::string_view what) {
    return Error{ErrorCode::kMalformed,
                 "cpio at byte " + std::to_string(at) + ": " + std::string(what)};
  };
  while (entries.size() < kMaxEntries) {
    if (archive.size() < at || archive.size() - at < kHeader) return bad("truncated");
    const std::string_view header = archive.substr(at, kHeader);
    if (!header.starts_with("070701")) return bad("no newc header");
    const auto field = [&](size_t i) {
      return ParseUnsigned<uint32_t>(header.substr(6 + i * 8, 8), 16);
    };
    const auto mode = field(1);
    const auto size = field(6);
    const auto name_size = field(11);
    if (!mode || !size || !name_size || *name_size == 0) return bad("bad header");
    const uint64_t data = (at + kHeader + *name_size + 3) / 4 * 4;
    if (data > archive.size() || *size > archive.size() - data) return bad("truncated");
    const std::string_view name = archive.substr(at + kHeader, *name_size - 1);
    if (name == "TRAILER!!!") return entries;
    entries.push_back({name, *mode, archive.substr(data, *size)});
    at = (data + *size + 3) / 4 * 4;
  }
  return bad("more than 100000 entries");
}

}  // namespace lethe::image
