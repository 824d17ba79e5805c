// What reviews say about files: owners of every touched path, merges that decide for themselves.
#include <gtest/gtest.h>

#include "trust/review.h"
#include "trust/review_fixture.h"

namespace lethe::trust {
namespace {

using git::ObjectId;

constexpr const char* kOwners =
    "* @alice @bob @carol\n"
    "/CODEOWNERS @alice @bob\n"
    "/core/ @carol\n"
    "/free/\n";

// alice writes `after` over `before`; bob approves. bob owns all but /core/ and /free/.
std::string AfterBob(const Files& before, const Files& after) {
  ReviewFixture f;
  Files first = before;
  first.emplace("CODEOWNERS", kOwners);
  Files second = after;
  second.emplace("CODEOWNERS", kOwners);
  const ObjectId root = f.Commit({.files = first});
  const ObjectId commit = f.Commit({.parents = {root}, .files = second});
  f.Approve("bob", commit);
  return f.Reasons(commit);
}

TEST(ReviewOwners, EveryKindOfChangeNeedsAnOwner) {
  const std::string submodule = "160000 " + std::string(40, '1');
  const struct {
    const char* what;
    Files before;
    Files after;
    const char* reasons;
  } kCases[] = {
      {"elsewhere", {{"a", "1"}}, {{"a", "2"}}, "ok"},
      {"content", {{"core/x", "1"}}, {{"core/x", "2"}}, "no-owner"},
      {"new", {{"a", "1"}}, {{"a", "1"}, {"core/x", "1"}}, "no-owner"},
      {"removed", {{"a", "1"}, {"core/x", "1"}}, {{"a", "1"}}, "no-owner"},
      {"mode", {{"core/x", "1"}}, {{"core/x", "100755 1"}}, "no-owner"},
      {"symlink", {{"core/x", "1"}}, {{"core/x", "120000 1"}}, "no-owner"},
      {"submodule", {{"core/x", "1"}}, {{"core/x", submodule}}, "no-owner"},
      {"renamed into", {{"x", "1"}}, {{"core/x", "1"}}, "no-owner"},
      {"renamed out of", {{"core/x", "1"}}, {{"x", "1"}}, "no-owner"},
      {"a folder becomes a file", {{"core/x", "1"}}, {{"core", "1"}}, "no-owner"},
      {"unowned", {{"a", "1"}}, {{"a", "1"}, {"free/x", "1"}}, "unowned-path"},
      {"both", {{"a", "1"}}, {{"core/x", "1"}, {"free/x", "1"}}, "no-owner unowned-path"},
  };
  for (const auto& c : kCases) EXPECT_EQ(AfterBob(c.before, c.after), c.reasons) << c.what;
}

TEST(ReviewOwners, AnOwnerWhoIsTheAuthorDoesNotCount) {
  ReviewFixture f;
  const Files files{{"CODEOWNERS", kOwners}, {"core/x", "1"}};
  const ObjectId root = f.Commit({.files = files});
  const ObjectId commit = f.Commit(
      {.person = "carol", .parents = {root}, .files = {{"CODEOWNERS", kOwners}, {"core/x", "2"}}});
  f.Approve("bob", commit);
  EXPECT_EQ(f.Reasons(commit), "no-owner");
}

TEST(ReviewOwners, TheFileOfTheFirstParentDecides) {
  // alice makes bob an owner of /core/ and changes it in the same commit.
  ReviewFixture f;
  const std::string looser = "* @alice @bob @carol\n";
  const ObjectId root = f.Commit({.files = {{"CODEOWNERS", kOwners}, {"core/x", "1"}}});
  const ObjectId both =
      f.Commit({.parents = {root}, .files = {{"CODEOWNERS", looser}, {"core/x", "2"}}});
  f.Approve("bob", both);
  EXPECT_EQ(f.Reasons(both), "no-owner");
  // One after the other, as its owner agrees, is fine.
  const ObjectId first =
      f.Commit({.parents = {root}, .files = {{"CODEOWNERS", looser}, {"core/x", "1"}}});
  f.Approve("bob", first);
  const ObjectId second =
      f.Commit({.parents = {first}, .files = {{"CODEOWNERS", looser}, {"core/x", "2"}}});
  f.Approve("bob", second);
  EXPECT_EQ(f.Reasons(second, first), "ok");
  EXPECT_EQ(f.Reasons(second, second), "ok");
}

TEST(ReviewOwners, RefusesABadOwnersFile) {
  const struct {
    const char* what;
    const char* text;
    const char* reasons;
  } kCases[] = {
      {"missing", "", "bad-owners"},
      {"a stranger", "* @mallory\n", "bad-owners"},
      {"not valid", "* alice\n", "malformed"},
      {"the file itself has no owner", "* @alice @bob\n/CODEOWNERS\n", "unowned-path"},
      {"a symlink", "120000 elsewhere", "bad-owners"},
  };
  for (const auto& c : kCases) {
    ReviewFixture f;
    const ObjectId root = f.Root({{"CODEOWNERS", c.text}, {"a", "1"}});
    EXPECT_EQ(f.Reasons(root), c.reasons) << c.what;
    // Refused already where it would come in.
    ReviewFixture g;
    const ObjectId good = g.Root();
    const ObjectId bad =
        g.Commit({.parents = {good}, .files = {{"CODEOWNERS", c.text}, {"a", "1\n"}}});
    g.Approve("bob", bad);
    EXPECT_EQ(g.Reasons(bad), c.reasons) << c.what;
  }
}

TEST(ReviewOwners, WhatABranchUndoesStillNeedsItsOwner) {
  ReviewFixture f;
  const Files base{{"CODEOWNERS", kOwners}, {"core/x", "1"}};
  const ObjectId root = f.Commit({.files = base});
  const ObjectId touched =
      f.Commit({.parents = {root}, .files = {{"CODEOWNERS", kOwners}, {"core/x", "2"}}});
  const ObjectId undone = f.Commit({.parents = {touched}, .files = base});
  const ObjectId merge = f.Commit({.person = "bob", .parents = {root, undone}, .files = base});
  EXPECT_EQ(f.Reasons(merge, merge), "no-owner");
  f.Approve("carol", merge);
  EXPECT_EQ(f.Reasons(merge, merge), "ok");
}

TEST(ReviewOwners, AMergeThatDecidesForItselfNeedsAThirdPerson) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "1\n"}, {"b", "1\n"}}});
  const Files evil{{"a", "1\n"}, {"b", "1\n"}, {"door", "open"}};
  const ObjectId merge = f.Commit({.person = "bob", .parents = {root, side}, .files = evil});
  EXPECT_EQ(f.Reasons(merge), "merge-content no-owner");
  f.Approve("alice", merge);  // who wrote the rest of it
  EXPECT_EQ(f.Reasons(merge), "merge-content no-owner");
  f.Approve("carol", merge);
  EXPECT_EQ(f.Reasons(merge), "ok");
  const auto verdict = f.Check(merge);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(ReviewOf(*verdict, merge).authors, (std::vector<std::string>{"alice", "bob"}));
}

TEST(ReviewOwners, AMergeThatDropsAChangeDecidesForItself) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "fixed\n"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {root, side}, .files = {{"a", "1\n"}}});
  EXPECT_EQ(f.Reasons(merge), "merge-content no-owner");
}

TEST(ReviewOwners, AResolvedConflictIsTheMergersOwn) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId ours = f.Commit({.person = "carol", .parents = {root}, .files = {{"a", "2\n"}}});
  f.Approve("bob", ours);
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "3\n"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {ours, side}, .files = {{"a", "2 and 3\n"}}});
  EXPECT_EQ(f.Reasons(merge), "merge-content no-owner");
  f.Approve("carol", merge);
  EXPECT_EQ(f.Reasons(merge), "ok");
}

TEST(ReviewOwners, AMergeBelowTheMainlineTouchesWhatIsItsOwn) {
  // alice's branch takes the mainline in; what carol did there is not asked for again, what alice
  // slips into that merge is.
  for (const bool evil : {false, true}) {
    ReviewFixture f;
    const auto files = [](const std::string& a, const std::string& core) {
      return Files{{"CODEOWNERS", kOwners}, {"a", a}, {"core/x", core}};
    };
    const ObjectId root = f.Commit({.files = files("1", "1")});
    const ObjectId main = f.Commit({.person = "bob", .parents = {root}, .files = files("1", "2")});
    f.Approve("carol", main);
    const ObjectId side = f.Commit({.parents = {root}, .files = files("2", "1")});
    const ObjectId inner =
        f.Commit({.parents = {side, main}, .files = files("2", evil ? "3" : "2")});
    const ObjectId merge = f.Commit(
        {.person = "bob", .parents = {main, inner}, .files = files("2", evil ? "3" : "2")});
    EXPECT_EQ(f.Reasons(merge, main), "ok");
    EXPECT_EQ(f.Reasons(merge, merge), evil ? "no-owner" : "ok");
  }
}

TEST(ReviewOwners, WhatOneMergeBelowTheMainlineSlipsInAndAnotherTakesOutIsTouched) {
  ReviewFixture f;
  const auto files = [](const std::string& a, const std::string& b, bool slipped) {
    Files out{{"CODEOWNERS", kOwners}, {"a", a}, {"b", b}};
    if (slipped) out.emplace("core/x", "1");
    return out;
  };
  const ObjectId root = f.Commit({.files = files("1", "1", false)});
  const ObjectId one =
      f.Commit({.person = "bob", .parents = {root}, .files = files("2", "1", false)});
  const ObjectId two =
      f.Commit({.person = "bob", .parents = {one}, .files = files("3", "1", false)});
  const ObjectId side = f.Commit({.parents = {root}, .files = files("1", "2", false)});
  const ObjectId in = f.Commit({.parents = {side, one}, .files = files("2", "2", true)});
  const ObjectId out = f.Commit({.parents = {in, two}, .files = files("3", "2", false)});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {two, out}, .files = files("3", "2", false)});
  EXPECT_EQ(f.Reasons(merge, merge), "no-owner");
  f.Approve("carol", merge);
  EXPECT_EQ(f.Reasons(merge, merge), "ok");
}

TEST(ReviewOwners, WithoutTreesPeopleAreJudgedAndFilesAreNot) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {root, side}, .files = {{"a", "evil\n"}}});
  const ObjectId own = f.Commit({.parents = {merge}, .files = {{"a", "3\n"}}});
  f.with_trees = false;
  EXPECT_EQ(f.Reasons(own, merge), "ok");
  EXPECT_EQ(f.Reasons(own, own), "one-person");
}

TEST(ReviewOwners, NamesOnlySoManyPaths) {
  ReviewFixture f;
  Files many{{"CODEOWNERS", kOwners}};
  const ObjectId root = f.Commit({.files = many});
  for (int i = 0; i < 100; ++i) many.emplace("core/" + std::to_string(i), "1");
  const ObjectId commit = f.Commit({.parents = {root}, .files = many});
  f.Approve("bob", commit);
  const auto verdict = f.Check(commit);
  ASSERT_TRUE(verdict);
  const auto& refusals = ReviewOf(*verdict, commit).refusals;
  ASSERT_EQ(refusals.size(), 21u);
  EXPECT_EQ(refusals[20].message, "80 more paths of this kind");
}

TEST(ReviewOwners, FailsWhereATreeIsMissingOrMalformed) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const auto reasons = [&](const ObjectId& tree, const std::string& person) {
    return f.Reasons(f.Commit({.person = person, .parents = {root}, .tree = tree}));
  };
  const ObjectId missing{std::string(20, '\1')};
  EXPECT_EQ(reasons(missing, "alice"), "failed: wrong-object");
  const ObjectId bad =
      f.objects.Add(git::ObjectType::kTree, "100644 .git\0" + std::string(20, 'x'));
  EXPECT_EQ(reasons(bad, "alice"), "failed: malformed");
  // Nothing is read for a stranger: reading is work.
  for (const char* stranger : {"", "mallory"}) {
    EXPECT_EQ(reasons(missing, stranger).find("failed"), std::string::npos);
    EXPECT_EQ(reasons(bad, stranger).find("failed"), std::string::npos);
  }
}

}  // namespace
}  // namespace lethe::trust
