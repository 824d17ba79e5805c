#include "crypto/der.h"

#include <gtest/gtest.h>

namespace lethe::crypto {
namespace {

using namespace std::string_view_literals;

TEST(Der, WritesLengthsInTheirShortestForm) {
  EXPECT_EQ(Der(kDerNull, {}), "\x05\0"sv);
  EXPECT_EQ(Der(kDerOctetString, {"ab", "c"}),
            "\x04\x03"
            "abc");
  EXPECT_EQ(Der(kDerOctetString, {std::string(127, 'x')}).substr(0, 3), "\x04\x7fx");
  EXPECT_EQ(Der(kDerOctetString, {std::string(128, 'x')}).substr(0, 4), "\x04\x81\x80x");
  EXPECT_EQ(Der(kDerOctetString, {std::string(256, 'x')}).substr(0, 5), "\x04\x82\x01\0x"sv);
}

TEST(DerReader, ReadsBackWhatDerWrites) {
  for (const size_t size : {0U, 1U, 127U, 128U, 255U, 256U, 65536U}) {
    const std::string content(size, 'c');
    const std::string bytes = Der(kDerSequence, {content}) + Der(kDerNull, {});
    DerReader reader(bytes);
    const auto element = reader.Expect(kDerSequence);
    ASSERT_TRUE(element) << size;
    EXPECT_EQ(element->content, content);
    EXPECT_EQ(element->whole.size(), bytes.size() - 2);
    EXPECT_FALSE(reader.done());
    EXPECT_TRUE(reader.Expect(kDerNull));
    EXPECT_TRUE(reader.done());
  }
}

TEST(DerReader, RefusesWhatIsNotDer) {
  const std::pair<std::string_view, const char*> bad[] = {
      {"", "ends where"},
      {"\x30", "ends where"},
      {"\x30\x01", "longer than its container"},
      {"\x30\x80\0\0"sv, "indefinite"},
      {"\x30\x85\0\0\0\0\x01x"sv, "too long"},
      {"\x30\x82\x01", "too long"},
      {"\x30\x84\xff\xff\xff\xff", "longer than its container"},
      {"\x30\x81\x01x", "shortest form"},
      {"\x30\x82\0\x80xx"sv, "shortest form"},
      {"\x1f\x81\0"sv, "more than one byte"},
  };
  for (const auto& [bytes, says] : bad) {
    const auto element = DerReader(bytes).Next();
    ASSERT_FALSE(element) << says;
    EXPECT_EQ(element.error().code, ErrorCode::kMalformed);
    EXPECT_NE(element.error().message.find(says), std::string::npos) << element.error().message;
  }
  EXPECT_NE(DerReader("\x05\0"sv).Expect(kDerSequence).error().message.find("0x05 instead of 0x30"),
            std::string::npos);
}

}  // namespace
}  // namespace lethe::crypto
