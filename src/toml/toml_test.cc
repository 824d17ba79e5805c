#include "toml/toml.h"

#include <gtest/gtest.h>

namespace lethe::toml {
namespace {

TableReader Read(std::string_view text) { return TableReader::Parse(text, "r.toml").value(); }

TEST(TableReader, ReadsEachType) {
  auto r = Read("s = 'x'\ni = 7\nb = true\na = ['p',\n 'q']\n[t]\nk = 'v'\n[[l]]\nn = 1\n[[l]]\n");
  EXPECT_EQ(r.String("s")->value, "x");
  EXPECT_EQ(*r.Integer("i", {0, 10}), 7);
  EXPECT_TRUE(*r.BoolOr("b", false));
  EXPECT_TRUE(*r.Bool("b"));
  EXPECT_FALSE(r.Bool("missing"));
  const auto strings = *r.Strings("a");
  ASSERT_EQ(strings.size(), 2U);
  EXPECT_EQ(strings[1].line, 5);
  auto t = *r.Table("t");
  EXPECT_EQ(t.String("k")->value, "v");
  EXPECT_TRUE(t.Finish());
  EXPECT_EQ(r.Tables("l")->size(), 2U);
  EXPECT_TRUE(r.Finish());
}

TEST(TableReader, NamesFileLineAndKey) {
  auto r = Read("s = 1\n[t]\ni = 11\n");
  EXPECT_EQ(r.String("s").error().message, "r.toml:1: key 's': must be a string");
  auto t = *r.Table("t");
  EXPECT_EQ(t.Integer("i", {0, 10}).error().message,
            "r.toml:3: key 'i' in [t]: must be an integer from 0 to 10");
  EXPECT_EQ(t.String("gone").error().message,
            "r.toml:2: key 'gone' in [t]: is missing, must be a string");
}

TEST(TableReader, RefusesUnknownKeysAndListsTheAllowed) {
  auto r = Read("a = 'x'\nb = 'y'\n");
  (void)r.String("a");
  const auto status = r.Finish();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "r.toml:2: unknown key 'b'; allowed: a");
}

TEST(TableReader, TakesLettersOutsideAsciiInStringsAndCommentsAlone) {
  for (const char* good : {"a = 'ä' # ä", "a = \"ä\\\"ä\"", "a = \"\"\"ä\nä\"\"\"", "\"ä\" = 'x'",
                           "a = \"\"\"x \\\n  ä\"\"\""})
    EXPECT_TRUE(TableReader::Parse(good, "r.toml")) << good;
  for (const char* bad :
       {"a = 1\nä = 1", "a = 1\n[ä]", "a = 1\n[+]", "a = 1\nb = 'x'ä", "a = 1\nb = ä",
        "a = 1\nb = x\"ä", "a = 1\nb = \"\"\"\\ä\"\"\"", "# x\n\xcb\x8e", "a = 1\nb = 2ä"}) {
    const auto r = TableReader::Parse(bad, "r.toml");
    ASSERT_FALSE(r) << bad;
    EXPECT_TRUE(r.error().message.starts_with("r.toml:2: ")) << r.error().message;
  }
}

TEST(TableReader, PlacesSyntaxErrors) {
  const auto r = TableReader::Parse("a = 'x'\nb = = 1\n", "r.toml");
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(r.error().message.rfind("r.toml:2:", 0), 0U) << r.error().message;
  EXPECT_FALSE(TableReader::Parse("a = 1\na = 2\n", "r.toml"));
  for (const auto& [text, words] : {std::pair{"a = .\n", "saw '.'"}, {"a\x1b[0m = 1\n", "saw '"}}) {
    const auto bad = TableReader::Parse(text, "r.toml");
    ASSERT_FALSE(bad);
    const std::string& message = bad.error().message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.find("\\x27"), std::string::npos) << message;
    EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
  }
}

TEST(TableReader, FreeStringsKeepScalars) {
  auto r = Read("[s]\n'a.b' = 1\nc = 'x'\n");
  const auto pairs = *r.FreeStrings("s");
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].first.value, "a.b");
  EXPECT_EQ(pairs[0].second.value, "1");
}

TEST(TableReader, ReadsCommandLines) {
  auto r = Read("c = [['a', 'b'],\n ['c']]\nbad = [['a'],\n 'b']\n");
  EXPECT_EQ(*r.StringLists("c"), (std::vector<std::vector<std::string>>{{"a", "b"}, {"c"}}));
  EXPECT_EQ(r.StringLists("bad").error().message,
            "r.toml:4: key 'bad': must be an array of arrays of strings");
}

TEST(Quote, ReadsBack) {
  const std::string hostile = "a\"b\\c\n\x01é";
  auto r = Read("s = " + Quote(hostile) + "\n");
  EXPECT_EQ(r.String("s")->value, hostile);
}

}  // namespace
}  // namespace lethe::toml
