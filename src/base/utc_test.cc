#include "base/utc.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

// What `date -u -d @SECONDS +%FT%TZ` says.
constexpr std::pair<int64_t, const char*> kTimes[] = {
    {0, "1970-01-01T00:00:00Z"},           {951782400, "2000-02-29T00:00:00Z"},
    {1795564800, "2026-11-25T00:00:00Z"},  {1795651199, "2026-11-25T23:59:59Z"},
    {4107542399, "2100-02-28T23:59:59Z"},  {4107542400, "2100-03-01T00:00:00Z"},
    {kMaxUtcUnixS, "9999-12-31T23:59:59Z"}};

TEST(FormatUtc, WritesSecondsAsRfc3339) {
  for (const auto& [seconds, text] : kTimes) EXPECT_EQ(FormatUtc(seconds), text);
}

TEST(ParseUtc, InvertsFormatUtc) {
  for (const auto& [seconds, text] : kTimes) {
    const auto parsed = ParseUtc(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, seconds);
  }
  for (int64_t seconds = 0; seconds < kMaxUtcUnixS; seconds += 98'765'431) {
    EXPECT_EQ(*ParseUtc(FormatUtc(seconds)), seconds);
  }
}

TEST(ParseUtc, RefusesEveryOtherSpelling) {
  for (const char* bad : {"",
                          "2026-11-25",
                          "2026-11-25T00:00:00",
                          "2026-11-25t00:00:00Z",
                          "2026-11-25T00:00:00z",
                          "2026-11-25 00:00:00Z",
                          "2026-11-25T00:00:00.0Z",
                          "2026-11-25T00:00:00+00:00",
                          "2026-11-25T24:00:00Z",
                          "2026-11-25T00:60:00Z",
                          "2026-12-31T23:59:60Z",
                          "2026-02-29T00:00:00Z",
                          "2100-02-29T00:00:00Z",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-01-00T00:00:00Z",
                          "2026-04-31T00:00:00Z",
                          "1969-12-31T23:59:59Z",
                          "-026-11-25T00:00:00Z",
                          "2026-11-25T00:00:00Z ",
                          " 2026-11-25T00:00:00Z",
                          "+2026-11-25T00:00:00Z",
                          "2026-11-2 T00:00:00Z"}) {
    const auto parsed = ParseUtc(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe
