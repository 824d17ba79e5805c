#include "http/range.h"

#include <gtest/gtest.h>

namespace lethe::http {
namespace {

RangeResult Part(uint64_t offset, uint64_t size) { return {RangeAnswer::kPart, {offset, size}}; }

TEST(ParseRange, TakesOneRange) {
  EXPECT_EQ(ParseRange("bytes=0-0", 10), Part(0, 1));
  EXPECT_EQ(ParseRange("bytes=0-9", 10), Part(0, 10));
  EXPECT_EQ(ParseRange("bytes=3-5", 10), Part(3, 3));
  EXPECT_EQ(ParseRange("bytes=3-", 10), Part(3, 7));
  EXPECT_EQ(ParseRange("bytes=3-99", 10), Part(3, 7));
  EXPECT_EQ(ParseRange("bytes=-4", 10), Part(6, 4));
  EXPECT_EQ(ParseRange("bytes=-99", 10), Part(0, 10));
}

TEST(ParseRange, RefusesWhatLiesOutside) {
  const RangeResult refused{RangeAnswer::kUnsatisfiable, {}};
  EXPECT_EQ(ParseRange("bytes=10-", 10), refused);
  EXPECT_EQ(ParseRange("bytes=10-20", 10), refused);
  EXPECT_EQ(ParseRange("bytes=18446744073709551615-", 10), refused);
  EXPECT_EQ(ParseRange("bytes=-0", 10), refused);
  EXPECT_EQ(ParseRange("bytes=0-", 0), refused);
  EXPECT_EQ(ParseRange("bytes=-1", 0), refused);
}

TEST(ParseRange, IgnoresWhatIsNotWellFormed) {
  for (const char* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=0-1,4-5", "lines=0-1",
        "bytes=1", "bytes=+1-2", "bytes= 1-2", "bytes=18446744073709551616-", "bytes=1--2"}) {
    EXPECT_EQ(ParseRange(header, 10), RangeResult{}) << header;
  }
}

}  // namespace
}  // namespace lethe::http
