#include "base/base64.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

TEST(Base64, AnswersThePublishedVectors) {  // RFC 4648, section 10
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(Base64Encode(bytes), text);
    EXPECT_EQ(Base64Decode(text).value(), bytes);
  }
}

TEST(Base64, ReadsBackEveryLengthInEveryForm) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    for (const bool url : {false, true}) {
      for (const bool padding : {false, true}) {
        const Base64Form form{url, padding};
        const std::string text = Base64Encode(bytes, form);
        EXPECT_EQ(Base64Decode(text, form).value(), bytes);
        EXPECT_EQ(Base64DecodeAnyForm(text).value(), bytes);
      }
    }
    bytes += static_cast<char>(i * 89 + 251);
  }
}

TEST(Base64, WritesTheAlphabetThatWasAskedFor) {
  EXPECT_EQ(Base64Encode("\xfb\xff", {.url = false}), "+/8=");
  EXPECT_EQ(Base64Encode("\xfb\xff", {.url = true}), "-_8=");
  EXPECT_EQ(Base64Encode("\xfb\xff", {.url = true, .padding = false}), "-_8");
}

TEST(Base64, RefusesEveryOtherSpelling) {
  const std::pair<const char*, const char*> cases[] = {
      {"Zg", "multiple of four"},   {"Zg=", "multiple of four"}, {"Zg===", "multiple of four"},
      {"Z===", "at offset 1"},      {"====", "at offset 0"},     {"Zg==Zg==", "at offset 2"},
      {"Zm9v\n===", "at offset 4"}, {"Zm 9", "at offset 2"},     {"-_8=", "at offset 0"},
      {"Zh==", "not zero"},         {"Zm9=", "not zero"},        {"Zm9\x80", "at offset 3"},
  };
  for (const auto& [text, words] : cases) {
    const auto decoded = Base64Decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, ErrorCode::kMalformed);
    EXPECT_NE(decoded.error().message.find(words), std::string::npos)
        << text << ": " << decoded.error().message;
  }
  EXPECT_FALSE(Base64Decode("Zg==", {.padding = false}));
  EXPECT_FALSE(Base64Decode("Zm9vY", {.padding = false}));
  EXPECT_FALSE(Base64Decode("+/8=", {.url = true}));
  EXPECT_FALSE(Base64DecodeAnyForm("-/8="));
}

}  // namespace
}  // namespace lethe
