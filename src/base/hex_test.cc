#include "base/hex.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

TEST(HexEncode, WritesLowerCasePairs) {
  const uint8_t bytes[] = {0x00, 0x7f, 0xff, 0xa5};
  EXPECT_EQ(HexEncode(bytes), "007fffa5");
  EXPECT_EQ(HexEncode(std::string("\0\xa5", 2)), "00a5");
}

TEST(HexDecode, InvertsEncode) {
  EXPECT_EQ(*HexDecode("00ff10"), (std::vector<uint8_t>{0, 255, 16}));
  EXPECT_TRUE(HexDecode("")->empty());
}

TEST(HexDecode, RefusesOddLengthUpperCaseAndOtherCharacters) {
  for (const char* bad : {"0", "0G", "FF", " 0", "0x"}) {
    const auto result = HexDecode(bad);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe
