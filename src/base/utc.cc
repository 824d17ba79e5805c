#include "base/utc.h"

#include <algorithm>
#include <chrono>

#include "base/strings.h"

namespace lethe {
namespace {

constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";

std::string Digits(int64_t value, size_t width) {
  std::string text = std::to_string(value);
  return std::string(width - std::min(width, text.size()), '0') + text;
}

bool HasShape(std::string_view text) {
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) return false;
  }
  return true;
}

}  // namespace

std::string FormatUtc(int64_t unix_s) {
  LETHE_ASSERT(unix_s >= 0 && unix_s <= kMaxUtcUnixS);
  const std::chrono::sys_days day{std::chrono::days{unix_s / kSecondsPerDay}};
  const std::chrono::year_month_day date{day};
  const int64_t second = unix_s % kSecondsPerDay;
  return Digits(static_cast<int>(date.year()), 4) + "-" +
         Digits(static_cast<unsigned>(date.month()), 2) + "-" +
         Digits(static_cast<unsigned>(date.day()), 2) + "T" + Digits(second / 3600, 2) + ":" +
         Digits(second / 60 % 60, 2) + ":" + Digits(second % 60, 2) + "Z";
}

Result<int64_t> ParseUtc(std::string_view text) {
  const Error bad{ErrorCode::kMalformed, "'" + Printable(text.substr(0, 40)) +
                                             "' is no time such as \"2026-11-25T00:00:00Z\""};
  if (!HasShape(text)) return bad;
  const auto number = [&](size_t at, size_t width) {
    return *ParseUnsigned<unsigned>(text.substr(at, width));
  };
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(number(0, 4))},
                                         std::chrono::month{number(5, 2)},
                                         std::chrono::day{number(8, 2)}};
  const unsigned hour = number(11, 2);
  const unsigned minute = number(14, 2);
  const unsigned second = number(17, 2);
  if (!date.ok() || number(0, 4) < 1970 || hour > 23 || minute > 59 || second > 59) return bad;
  const int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  return days * kSecondsPerDay + hour * 3600 + minute * 60 + second;
}

}  // namespace lethe
