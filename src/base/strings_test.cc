#include "base/strings.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

using Views = std::vector<std::string_view>;

TEST(Split, KeepsEmptyParts) {
  EXPECT_EQ(Split("a,,b", ','), (Views{"a", "", "b"}));
  EXPECT_EQ(Split("", ','), (Views{""}));
}

TEST(Lines, DropsOnlyTheLastNewline) {
  EXPECT_EQ(Lines("a\nb\n"), (Views{"a", "b"}));
  EXPECT_EQ(Lines("a\n\n"), (Views{"a", ""}));
  EXPECT_EQ(Lines("a"), (Views{"a"}));
  EXPECT_TRUE(Lines("").empty());
}

TEST(Words, FoldsBlanks) { EXPECT_EQ(Words("  a \t b"), (Views{"a", "b"})); }

TEST(Trim, RemovesBlanksAtBothEnds) {
  EXPECT_EQ(Trim(" \n a b\t"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
}

TEST(BracketIpv6, LeavesOtherAddressesAsTheyAre) {
  EXPECT_EQ(BracketIpv6("2001:db8::1"), "[2001:db8::1]");
  EXPECT_EQ(BracketIpv6("192.0.2.1"), "192.0.2.1");
}

TEST(Counted, HasOneSingular) {
  EXPECT_EQ(Counted(0, "path"), "0 paths");
  EXPECT_EQ(Counted(1, "path"), "1 path");
  EXPECT_EQ(Counted(2, "path"), "2 paths");
}

TEST(Printable, EscapesWhatCouldBreakALine) {
  EXPECT_EQ(Printable("a\nb"), "a\\x0ab");
  EXPECT_EQ(Printable("\xff'"), "\\xff\\x27");
}

TEST(ParseUnsigned, AcceptsDigitsOnly) {
  EXPECT_EQ(ParseUnsigned<uint16_t>("65535"), 65535);
  EXPECT_EQ(ParseUnsigned<unsigned>("0755", 8), 0755U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "65536", "0x1"}) {
    EXPECT_FALSE(ParseUnsigned<uint16_t>(bad)) << bad;
  }
}

TEST(GlobMatch, SingleStarStopsAtSlashDoubleStarDoesNot) {
  EXPECT_TRUE(GlobMatch("usr/share/*/x", "usr/share/doc/x"));
  EXPECT_FALSE(GlobMatch("usr/share/*/x", "usr/share/doc/y/x"));
  EXPECT_TRUE(GlobMatch("usr/share/**", "usr/share/doc/y/x"));
  EXPECT_TRUE(GlobMatch("lib?.so*", "libc.so.6"));
  EXPECT_FALSE(GlobMatch("a?b", "a/b"));
  EXPECT_FALSE(GlobMatch("abc", "abcd"));
}

TEST(IsUtf8, RefusesOverlongAndSurrogates) {
  for (const char* good : {"", "a", "é", "€", "😀"}) EXPECT_TRUE(IsUtf8(good)) << good;
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(IsPlainText, RefusesWhatMovesACursorOrHides) {
  for (const char* good : {"", "a b", "é", "€", "😀", "…", "\u00a0", "\u2010", "\u2070"})
    EXPECT_TRUE(IsPlainText(good)) << good;
  for (const char* bad : {"\n",     "\x1b[2J", "\x7f",   "a\u0080", "\u009b",   "\u00ad", "\u061c",
                          "\u180e", "\u200b",  "\u200f", "\u2028",  "\u2029",   "\u202a", "x\u202e",
                          "\u2060", "\u206f",  "\ufeff", "\xff",    "\xe2\x80", "\xc2"}) {
    EXPECT_FALSE(IsPlainText(bad)) << Printable(bad);
  }
}

}  // namespace
}  // namespace lethe
