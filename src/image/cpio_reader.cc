#include "image/cpio_reader.h"

#include <string>

#include "base/strings.h"

namespace lethe::image {
namespace {

constexpr size_t kHeader = 110;
constexpr size_t kMaxEntries = 100000;
constexpr std::string_view kTrailer = "TRAILER!!!";

class Archives {
 public:
  explicit Archives(std::string_view bytes) : bytes_(bytes) {}

  Result<std::vector<CpioEntry>> Read() {
    std::vector<CpioEntry> entries;
    do {
      for (CpioEntry entry = LETHE_TRY(Next()); entry.name != kTrailer; entry = LETHE_TRY(Next())) {
        if (entries.size() == kMaxEntries) return Bad("more than 100000 entries");
        entries.push_back(entry);
      }
      LETHE_TRY(SkipZeros());
    } while (at_ < bytes_.size());
    return entries;
  }

 private:
  Error Bad(std::string_view what) const {
    return Error{ErrorCode::kMalformed,
                 "cpio at byte " + std::to_string(at_) + ": " + std::string(what)};
  }

  Result<CpioEntry> Next() {
    if (bytes_.size() < at_ || bytes_.size() - at_ < kHeader) return Bad("truncated");
    const std::string_view header = bytes_.substr(at_, kHeader);
    if (!header.starts_with("070701")) return Bad("no newc header");
    const auto field = [&](size_t i) {
      return ParseUnsigned<uint32_t>(header.substr(6 + i * 8, 8), 16);
    };
    const auto mode = field(1);
    const auto size = field(6);
    const auto name_size = field(11);
    if (!mode || !size || !name_size || *name_size == 0) return Bad("bad header");
    const uint64_t data = (at_ + kHeader + *name_size + 3) / 4 * 4;
    if (data > bytes_.size() || *size > bytes_.size() - data) return Bad("truncated");
    // More than one NUL ends a name where the content is aligned.
    std::string_view name = bytes_.substr(at_ + kHeader, *name_size);
    const size_t end = name.find('\0');
    if (end == std::string_view::npos ||
        name.find_first_not_of('\0', end) != std::string_view::npos)
      return Bad("bad name");
    name = name.substr(0, end);
    at_ = (data + *size + 3) / 4 * 4;
    return CpioEntry{name, *mode, bytes_.substr(data, *size)};
  }

  // The kernel takes the next archive where a multiple of four is reached.
  Status SkipZeros() {
    const size_t next = bytes_.find_first_not_of('\0', std::min<uint64_t>(at_, bytes_.size()));
    at_ = next == std::string_view::npos ? bytes_.size() : next;
    if (at_ < bytes_.size() && at_ % 4 != 0) return Bad("no newc header");
    return {};
  }

  std::string_view bytes_;
  uint64_t at_ = 0;
};

}  // namespace

Result<std::vector<CpioEntry>> ReadCpio(std::string_view archive) {
  return Archives(archive).Read();
}

}  // namespace lethe::image
