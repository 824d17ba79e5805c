// Points in time: RFC 3339 in UTC, to the second, in one spelling ("2026-11-25T00:00:00Z"), and the
// seconds since 1970. Pure: no clock, no time zones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe {

inline constexpr int64_t kSecondsPerDay = 86'400;
inline constexpr int64_t kMaxUtcUnixS = 253'402'300'799;  // 9999-12-31T23:59:59Z

// Precondition: 0 <= unix_s <= kMaxUtcUnixS.
std::string FormatUtc(int64_t unix_s);

// kMalformed for anything that FormatUtc would not write: other zones, fractions, lower case, a day
// that the month does not have, leap seconds, years before 1970.
Result<int64_t> ParseUtc(std::string_view text);

}  // namespace lethe
