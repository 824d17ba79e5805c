#include "json/json.h"

#include <gtest/gtest.h>

namespace lethe::json {
namespace {

TEST(Parse, KeepsTypesAndExactIntegers) {
  const auto value = Parse(R"({"a":[1,-9223372036854775808,1.5,true,null,"x\n"],"b":{}})");
  ASSERT_TRUE(value) << value.error().message;
  const Array& a = *value->Find("a")->AsArray();
  EXPECT_EQ(*a[0].AsInteger(), 1);
  EXPECT_EQ(*a[1].AsInteger(), INT64_MIN);
  EXPECT_EQ(*a[2].AsDouble(), 1.5);
  EXPECT_TRUE(*a[3].AsBool());
  EXPECT_TRUE(a[4].IsNull());
  EXPECT_EQ(*a[5].AsString(), "x\n");
  EXPECT_EQ(value->Find("c"), nullptr);
}

TEST(Parse, RefusesWhatIsNotStrictJson) {
  const char* const kBad[] = {
      "",           "{",   "[1,]",     "{\"a\":1,}",  "{\"a\":1,\"a\":2}",
      "1 2",        "nul", "\"\xff\"", "\"\\ud800\"", "9223372036854775808",
      "01",         "+1",  "// c\n1",  "'x'",         "\"a\nb\"",
      "[\"\x01\"]", "NaN", "{\"a\"}",  "{1:2}",       "-99999999999999999999",
  };
  for (const char* bad : kBad) {
    const auto value = Parse(bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().code, ErrorCode::kMalformed) << bad;
  }
  const auto twice = Parse("{\"\\u001b[2J\":1,\"\\u001b[2J\":2}");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message.find('\x1b'), std::string::npos) << "a terminal would obey it";
}

TEST(Parse, HoldsItsLimits) {
  EXPECT_TRUE(Parse("[[1]]", {.max_depth = 2}));
  EXPECT_FALSE(Parse("[[[1]]]", {.max_depth = 2}));
  EXPECT_FALSE(Parse("[1,2]", {.max_bytes = 4}));
  EXPECT_FALSE(Parse(std::string(100000, '[')));
  EXPECT_TRUE(Parse("[1,[],{}]", {.max_values = 4}));
  EXPECT_FALSE(Parse("[1,[],{},2]", {.max_values = 4}));
  EXPECT_FALSE(Parse("[[],[],[],[]]", {.max_values = 4}));
}

TEST(Write, IsCanonicalAndReadsBack) {
  const Value value(Object{{"b", Array{1, true, nullptr}}, {"a", "\"\\\n\x01é"}});
  EXPECT_EQ(Write(value), "{\"a\":\"\\\"\\\\\\n\\u0001é\",\"b\":[1,true,null]}");
  EXPECT_EQ(*Parse(Write(value)), value);
  EXPECT_EQ(*Parse(WritePretty(value)), value);
}

TEST(WritePretty, IndentsByTwo) {
  EXPECT_EQ(WritePretty(Object{{"a", Array{1}}, {"b", Array{}}}),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}\n");
}

}  // namespace
}  // namespace lethe::json
