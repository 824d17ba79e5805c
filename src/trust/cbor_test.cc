#include "trust/cbor.h"

#include <gtest/gtest.h>

#include "base/test_bytes.h"

namespace lethe::trust {
namespace {

// RFC 8949, appendix A: the integers that fit.
TEST(Cbor, AnswersThePublishedVectors) {
  const std::pair<const char*, int64_t> integers[] = {
      {"00", 0},
      {"01", 1},
      {"0a", 10},
      {"17", 23},
      {"1818", 24},
      {"1864", 100},
      {"1903e8", 1000},
      {"1a000f4240", 1000000},
      {"1b000000e8d4a51000", 1000000000000},
      {"20", -1},
      {"29", -10},
      {"3863", -100},
      {"3903e7", -1000},
      {"1b7fffffffffffffff", INT64_MAX},
      {"3b7fffffffffffffff", INT64_MIN},
  };
  for (const auto& [hex, expected] : integers) {
    const std::string bytes = FromHex(hex);
    CborReader reader(bytes);
    EXPECT_TRUE(reader.AtInteger());
    const auto value = reader.Integer();
    ASSERT_TRUE(value) << hex << ": " << value.error().message;
    EXPECT_EQ(*value, expected);
    EXPECT_TRUE(reader.Finish());
  }
  const std::string bytes = FromHex("4401020304");
  CborReader reader(bytes);
  EXPECT_EQ(*reader.ByteString(), bytes.substr(1));
  EXPECT_TRUE(reader.Finish());
  for (const char* hex : {"f4", "f5", "f6", "60", "6449455446", "80", "83010203", "a0",
                          "a201020304", "826161a161626163", "8301820203820405"}) {
    const std::string item = FromHex(hex);
    CborReader skipper(item);
    EXPECT_TRUE(skipper.Skip()) << hex;
    EXPECT_TRUE(skipper.Finish()) << hex;
  }
}

TEST(Cbor, RefusesOtherSpellings) {
  for (const char* hex : {
           "1817",
           "190018",
           "1900ff",
           "1a0000ffff",
           "1b00000000ffffffff",  // longer than needed
           "1c",
           "1d",
           "1e",
           "1f",
           "5f",
           "7f",
           "9f",
           "bf",
           "ff",  // reserved, indefinite
           "18",
           "19ff",
           "1a000001",
           "1b",
           "",  // cut off
           "41",
           "5818",
           "62ff",
           "5bffffffffffffffff",  // strings cut off
           "82",
           "a101",  // lists cut off
           "c000",
           "d8203800",  // tags
           "e0",
           "f3",
           "f7",
           "f820",
           "f93c00",
           "fb3ff0000000000000",  // other simple values
       }) {
    const std::string bytes = FromHex(hex);
    CborReader reader(bytes);
    const auto skipped = reader.Skip();
    ASSERT_FALSE(skipped) << hex;
    EXPECT_EQ(skipped.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(skipped.error().message.starts_with("CBOR at offset ")) << skipped.error().message;
  }
}

TEST(Cbor, RefusesAnotherTypeAndStaysThere) {
  const std::string bytes = FromHex("a0");
  CborReader reader(bytes);
  EXPECT_FALSE(reader.AtInteger());
  EXPECT_EQ(reader.Integer().error().message, "CBOR at offset 0: not an integer");
  EXPECT_EQ(reader.ByteString().error().message, "CBOR at offset 0: not a byte string");
  EXPECT_EQ(*reader.MapSize(), 0U);
  EXPECT_TRUE(reader.Finish());
  const std::string large = FromHex("1b8000000000000000");
  EXPECT_FALSE(CborReader(large).Integer());
  const std::string two = FromHex("0000");
  CborReader rest(two);
  EXPECT_TRUE(rest.Skip());
  EXPECT_EQ(rest.Finish().error().message, "CBOR at offset 1: 1 bytes behind the last item");
}

TEST(Cbor, HasLimits) {
  const auto nested = [](int depth) {
    return std::string(static_cast<size_t>(depth), '\x81') + '\0';
  };
  const std::string deep = nested(kMaxCborDepth);
  EXPECT_TRUE(CborReader(deep).Skip());
  const std::string deeper = nested(kMaxCborDepth + 1);
  EXPECT_NE(CborReader(deeper).Skip().error().message.find("nested deeper than 4"),
            std::string::npos);
  const std::string deepest(100'000, '\x81');
  EXPECT_FALSE(CborReader(deepest).Skip());
  const std::string wide = FromHex("9840") + std::string(64, '\0');
  EXPECT_TRUE(CborReader(wide).Skip());
  const std::string wider = FromHex("9841") + std::string(65, '\0');
  EXPECT_FALSE(CborReader(wider).Skip());
  const std::string map = FromHex("b841") + std::string(130, '\0');
  EXPECT_FALSE(CborReader(map).MapSize());
}

}  // namespace
}  // namespace lethe::trust
