#include "trust/codeowners.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace lethe::trust {
namespace {

const std::vector<std::string> kPeople = {"alice", "bob", "carol"};

// Whether a file of this one pattern owns the path.
bool Owns(const std::string& pattern, const std::string& path) {
  const auto owners = ParseCodeOwners(pattern + " @alice\n", "CODEOWNERS", kPeople);
  EXPECT_TRUE(owners) << pattern << ": " << owners.error().message;
  return owners && owners->Of(path).has_value();
}

std::string OwnersOf(const std::string& text, const std::string& path) {
  const auto owners = ParseCodeOwners(text, "CODEOWNERS", kPeople);
  EXPECT_TRUE(owners) << owners.error().message;
  if (!owners) return "malformed";
  const auto of = owners->Of(path);
  return of ? Join(*of, " ") : of.error().message;
}

struct Case {
  const char* pattern;
  std::vector<const char*> yes, no;
};

TEST(CodeOwners, MatchesAsGitHubDocumentsIt) {
  const Case kCases[] = {
      {"*", {"a", "a/b", "a/b/c", ".x", "\xff"}, {}},
      {"*.js", {"a.js", "d/e/a.js", ".js", "a.js/below"}, {"a.jsx", "ajs", "a.JS"}},
      {"/build/logs/", {"build/logs/a", "build/logs/a/b"}, {"build/logs", "x/build/logs/a"}},
      {"docs/*", {"docs/a.md"}, {"docs", "docs/build/a.md", "x/docs/a.md"}},
      {"apps/", {"apps/a", "apps/a/b", "x/apps/a"}, {"apps", "x/apps", "xapps/a"}},
      {"/docs/", {"docs/a", "docs/a/b"}, {"docs", "x/docs/a"}},
      {"/apps/github", {"apps/github", "apps/github/a"}, {"apps/githubx", "x/apps/github"}},
      {"**/logs", {"logs", "a/logs", "a/b/logs", "a/logs/b"}, {"alogs", "a/logsb"}},
      {"foo", {"foo", "foo/a", "a/foo", "a/foo/b"}, {"foo.txt", "a/foo.txt", "Foo"}},
      {"/foo", {"foo", "foo/a/b"}, {"a/foo", "fool"}},
      {"foo/bar", {"foo/bar", "foo/bar/a"}, {"a/foo/bar", "foo/bart"}},
      {"/*", {"a", "bc"}, {"a/b"}},
      {"/*/", {"a/b", "a/b/c"}, {"a"}},
      {"/f*", {"foo", "foo/a"}, {"a/foo", "xf"}},
      {"f*/", {"foo/a", "b/foo/a"}, {"foo", "b/foo"}},
      {"foo/*.txt", {"foo/a.txt"}, {"foo/b/a.txt", "b/foo/a.txt", "foo/a.txts"}},
      {"foo/*/baz", {"foo/a/baz", "foo/a/baz/b"}, {"foo/baz", "foo/a/b/baz"}},
      {"f?o", {"foo", "a/fxo"}, {"fo", "fooo", "f/o"}},
      {"f\\?o", {"f?o"}, {"foo"}},
      {"f\\*o", {"f*o"}, {"foo", "fo"}},
      {"a\\ b", {"a b", "x/a b/c"}, {"a", "b"}},
      {"a\\\\b", {"a\\b"}, {"ab"}},
      {"\\[x\\]", {"[x]"}, {"x"}},
      {"foo/**", {"foo/a", "foo/a/b"}, {"foo", "a/foo/b"}},
      {"foo/**/", {"foo/a", "foo/a/b"}, {"foo"}},
      {"foo/**/bar", {"foo/bar", "foo/a/b/bar", "foo/a/bar/c"}, {"a/foo/bar", "foo/bart"}},
      {"foo/**/**/bar/b*", {"foo/bar/b", "foo/x/y/bar/bz"}, {"foo/bar", "foo/bar/c/b"}},
      {"**", {"a", "a/b"}, {}},
      {"/**", {"a", "a/b"}, {}},
      {"**/*", {"a", "a/b/c"}, {}},
      {"a**b", {"ab", "axxb"}, {"a/b", "ax/xb"}},
      {"*a*b*", {"ab", "xaxbx", "d/ab"}, {"ba", "a/b"}},
      {"a#b", {"a#b"}, {"a"}},
      {"\xff\xfe", {"\xff\xfe"}, {"\xff"}},
  };
  for (const Case& c : kCases) {
    for (const char* path : c.yes) EXPECT_TRUE(Owns(c.pattern, path)) << c.pattern << " " << path;
    for (const char* path : c.no) EXPECT_FALSE(Owns(c.pattern, path)) << c.pattern << " " << path;
  }
}

TEST(CodeOwners, TheLastMatchWins) {
  const std::string text = "# people\n*  @alice\n\n  /src/\t@bob @alice @bob # core\n*.md @carol\n";
  EXPECT_EQ(OwnersOf(text, "a"), "alice");
  EXPECT_EQ(OwnersOf(text, "src/a"), "alice bob");
  EXPECT_EQ(OwnersOf(text, "src/a.md"), "carol");
}

TEST(CodeOwners, APatternWithoutOwnerClears) {
  const std::string text = "/apps/ @alice\n/apps/github # nobody\n";
  EXPECT_EQ(OwnersOf(text, "apps/x"), "alice");
  EXPECT_EQ(OwnersOf(text, "apps/github/x"), "path 'apps/github/x': CODEOWNERS:2 names no owner");
  EXPECT_EQ(OwnersOf(text, "x\n"), "path 'x\\x0a': no pattern of CODEOWNERS matches it");
  const auto owners = ParseCodeOwners(text, "CODEOWNERS", kPeople);
  ASSERT_TRUE(owners);
  EXPECT_EQ(owners->Of("apps/github/x").error().reason, Reason::kUnownedPath);
  EXPECT_EQ(owners->Of("x").error().reason, Reason::kUnownedPath);
}

TEST(ParseCodeOwners, RefusesWithTheLine) {
  const std::tuple<std::string, Reason, const char*> kBad[] = {
      {"* @alice\n!x @bob\n", Reason::kMalformed, "CODEOWNERS:2: '!'"},
      {"[ab] @bob", Reason::kMalformed, "CODEOWNERS:1: a range"},
      {"a] @bob", Reason::kMalformed, "CODEOWNERS:1: a range"},
      {"\\#a @bob", Reason::kMalformed, "CODEOWNERS:1: '\\#'"},
      {"\n/ @bob", Reason::kMalformed, "CODEOWNERS:2: pattern '/'"},
      {"// @bob", Reason::kMalformed, "matches nothing"},
      {"a//b @bob", Reason::kMalformed, "matches nothing"},
      {"./a @bob", Reason::kMalformed, "name '.'"},
      {"a/../b @bob", Reason::kMalformed, "name '..'"},
      {"a*** @bob", Reason::kMalformed, "'***'"},
      {"**/ @bob", Reason::kMalformed, "'**/'"},
      {"a\\", Reason::kMalformed, "escape"},
      {"a/\\/b @bob", Reason::kMalformed, "escape"},
      {"* bob", Reason::kMalformed, "CODEOWNERS:1: owner 'bob'"},
      {"* @", Reason::kMalformed, "owner '@'"},
      {"* @alice\r\n", Reason::kMalformed, "CODEOWNERS:1: a control character"},
      {std::string("*\0 @alice", 9), Reason::kMalformed, "control character"},
      {"* @dave", Reason::kBadOwners, "CODEOWNERS:1: owner '@dave'"},
      {"* @alice @Bob", Reason::kBadOwners, "owner '@Bob'"},
      {"* @org/team", Reason::kBadOwners, "owner '@org/team'"},
      {"* alice@example.org", Reason::kBadOwners, "owner 'alice@example.org'"},
      {"* @alice#x", Reason::kBadOwners, "owner '@alice#x'"},
  };
  for (const auto& [text, reason, message] : kBad) {
    const auto owners = ParseCodeOwners(text, "CODEOWNERS", kPeople);
    ASSERT_FALSE(owners) << text;
    EXPECT_EQ(owners.error().reason, reason) << text;
    EXPECT_NE(owners.error().message.find(message), std::string::npos) << owners.error().message;
  }
}

TEST(ParseCodeOwners, HoldsItsLimits) {
  const auto parse = [](const std::string& text) {
    return ParseCodeOwners(text, "CODEOWNERS", kPeople);
  };
  const auto refused = [&](const std::string& text, const std::string& message) {
    const auto owners = parse(text);
    return !owners && owners.error().reason == Reason::kMalformed &&
           owners.error().message.find(message) != std::string::npos;
  };
  std::string rules;
  for (size_t i = 0; i < kMaxOwnersRules; ++i) rules += "a @bob\n";
  EXPECT_TRUE(parse(rules));
  EXPECT_TRUE(refused(rules + "a @bob\n", "CODEOWNERS:4001: more than 4000 patterns"));
  EXPECT_TRUE(parse(std::string(kMaxOwnersPattern, 'a') + " @bob"));
  EXPECT_TRUE(refused(std::string(kMaxOwnersPattern + 1, 'a') + " @bob", "1000 bytes"));
  std::string owners = "a";
  for (size_t i = 0; i < kMaxOwnersOfRule; ++i) owners += " @bob";
  EXPECT_TRUE(parse(owners));
  EXPECT_TRUE(refused(owners + " @bob", "more than 100 owners"));
  const std::string comment = "#" + std::string(kMaxOwnersBytes - 1, 'x');
  EXPECT_TRUE(parse(comment));
  EXPECT_TRUE(refused(comment + "x", "CODEOWNERS: more than"));
  EXPECT_TRUE(refused("* " + std::string(100'000, 'x'), "owner 'xxx"));
}

// Where a matcher tries every way to spread stars, this does not end.
TEST(CodeOwners, MatchesHostilePatternsInBoundedTime) {
  std::string stars, folders, path;
  for (int i = 0; i < 150; ++i) stars += "*a", folders += "**/a/";
  for (int i = 0; i < 1000; ++i) path += "a/";
  EXPECT_FALSE(Owns(stars + "b", std::string(4000, 'a')));
  EXPECT_FALSE(Owns(folders + "b", path + "c"));
  EXPECT_TRUE(Owns(folders + "c", path + "c"));
}

}  // namespace
}  // namespace lethe::trust
