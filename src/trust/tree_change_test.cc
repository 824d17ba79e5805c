#include "trust/tree_change.h"

#include <gtest/gtest.h>

#include "trust/object_fixture.h"

namespace lethe::trust {
namespace {

using Files = std::map<std::string, std::string>;

std::string Letter(const std::optional<TreeNode>& node) {
  return node ? std::string(1, "fxltm"[static_cast<size_t>(node->kind)]) : "-";
}

// "path:ff" for a file that changed, "path:-f" for a new one: f, x, l, t and m are the kinds.
std::vector<std::string> Changes(const Files& before, const Files& after) {
  MemoryObjects objects;
  const auto changes = ChangedPaths(objects, objects.AddTree(before), objects.AddTree(after));
  EXPECT_TRUE(changes) << changes.error().message;
  std::vector<std::string> out;
  for (const TreeChange& change : *changes)
    out.push_back(change.path + ":" + Letter(change.before) + Letter(change.after));
  return out;
}

using Paths = std::vector<std::string>;
const std::string kCommit = "160000 " + std::string(40, 'a');
const std::string kOtherCommit = "160000 " + std::string(40, 'b');

TEST(ChangedPaths, SeesEveryKindOfChange) {
  EXPECT_EQ(Changes({{"a", "1"}, {"d/b", "1"}}, {{"a", "1"}, {"d/b", "1"}}), Paths{});
  EXPECT_EQ(Changes({{"a", "1"}}, {{"a", "2"}}), Paths{"a:ff"});
  EXPECT_EQ(Changes({{"a", "1"}}, {{"a", "100755 1"}}), Paths{"a:fx"});
  EXPECT_EQ(Changes({{"a", "1"}}, {{"a", "120000 1"}}), Paths{"a:fl"});
  EXPECT_EQ(Changes({{"l", "120000 a"}}, {{"l", "120000 b"}}), Paths{"l:ll"});
  EXPECT_EQ(Changes({{"m", kCommit}}, {{"m", kOtherCommit}}), Paths{"m:mm"});
  EXPECT_EQ(Changes({{"m", kCommit}}, {{"m/a", "1"}}), (Paths{"m:m-", "m/a:-f"}));
  // A rename touches both paths.
  EXPECT_EQ(Changes({{"a", "1"}, {"z", ""}}, {{"b", "1"}, {"z", ""}}), (Paths{"a:f-", "b:-f"}));
  EXPECT_EQ(Changes({{"d/a", "1"}, {"d/e/b", "2"}}, {{"D/a", "1"}, {"D/e/b", "2"}}),
            (Paths{"D/a:-f", "D/e/b:-f", "d/a:f-", "d/e/b:f-"}));
  EXPECT_EQ(Changes({{"d", "1"}}, {{"d/a", "1"}, {"d/b/c", "1"}}),
            (Paths{"d:f-", "d/a:-f", "d/b/c:-f"}));
  EXPECT_EQ(Changes({{"d/a", "1"}}, {{"d", "120000 x"}}), (Paths{"d:-l", "d/a:f-"}));
  // git orders "d.c" between the file "d" and the folder "d/".
  EXPECT_EQ(Changes({{"d", "1"}, {"d.c", "1"}}, {{"d.c", "1"}, {"d/x", "1"}}),
            (Paths{"d:f-", "d/x:-f"}));
}

TEST(ChangedPaths, SeesEmptyFolders) {
  EXPECT_EQ(Changes({{"a", "1"}}, {{"a", "1"}, {"d", "40000 "}}), Paths{"d:-t"});
  EXPECT_EQ(Changes({{"d/a", "1"}}, {{"d", "40000 "}}), (Paths{"d:-t", "d/a:f-"}));
  EXPECT_EQ(Changes({{"d", "1"}}, {{"d", "40000 "}}), Paths{"d:ft"});
}

TEST(ChangedPaths, TakesNothingForATreeWithoutFiles) {
  MemoryObjects objects;
  const auto tree = objects.AddTree({{"a", "1"}});
  EXPECT_EQ(ChangedPaths(objects, std::nullopt, tree)->size(), 1U);
  EXPECT_EQ(ChangedPaths(objects, tree, std::nullopt)->size(), 1U);
  EXPECT_EQ(ChangedPaths(objects, std::nullopt, std::nullopt)->size(), 0U);
}

TEST(ChangedPaths, DoesNotReadEqualSubtrees) {
  MemoryObjects objects;
  const auto before = objects.AddTree({{"same/deep/a", "1"}, {"b", "1"}});
  const auto after = objects.AddTree({{"same/deep/a", "1"}, {"b", "2"}});
  ASSERT_EQ(ChangedPaths(objects, before, after)->size(), 1U);
  EXPECT_EQ(objects.reads.size(), 2U);
}

TEST(ChangedPaths, NamesTheTreeThatIsMissingOrMalformed) {
  MemoryObjects objects;
  const auto good = objects.AddTree({{"a", "1"}});
  const auto bad = objects.Add(git::ObjectType::kTree, "100644 a");
  const auto below = [&](const git::ObjectId& id) {
    return objects.Add(git::ObjectType::kTree, git::WriteTree({{"d", git::EntryKind::kTree, id}}));
  };
  const auto malformed = ChangedPaths(objects, good, below(bad));
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().reason, Reason::kMalformed);
  EXPECT_EQ(malformed.error().message, "tree " + bad.Hex() + " of 'd/': tree: entry 1 is cut off");
  const auto missing = ChangedPaths(objects, good, below({std::string(20, 'x')}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::kWrongObject);
}

TEST(ChangedPaths, RefusesWhatIsTooDeepOrTooLong) {
  const auto changed = [](size_t depth, const std::string& name) {
    MemoryObjects objects;
    auto tree = objects.AddTree({{"a", "1"}});
    for (size_t i = 0; i < depth; ++i)
      tree = objects.Add(git::ObjectType::kTree,
                         git::WriteTree({{name, git::EntryKind::kTree, tree}}));
    return ChangedPaths(objects, std::nullopt, tree);
  };
  EXPECT_TRUE(changed(kMaxTreeDepth, "d"));
  const auto deep = changed(kMaxTreeDepth + 1, "d");
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().reason, Reason::kMalformed);
  EXPECT_NE(deep.error().message.find("folders deeper than 128"), std::string::npos);
  EXPECT_TRUE(changed(4, std::string(1000, 'd')));
  const auto wide = changed(5, std::string(1000, 'd'));
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().reason, Reason::kMalformed);
  EXPECT_NE(wide.error().message.find("more than 4096 bytes"), std::string::npos);
}

// 30 folders, each twice the same one below, are a billion paths.
TEST(ChangedPaths, RefusesATreeThatUnfoldsWithoutEnd) {
  MemoryObjects objects;
  auto tree = objects.AddTree({{"a", "1"}});
  for (int i = 0; i < 30; ++i)
    tree = objects.Add(
        git::ObjectType::kTree,
        git::WriteTree({{"a", git::EntryKind::kTree, tree}, {"b", git::EntryKind::kTree, tree}}));
  const auto changes = ChangedPaths(objects, std::nullopt, tree);
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().reason, Reason::kMalformed);
  EXPECT_NE(changes.error().message.find("differ in more than"), std::string::npos);
}

}  // namespace
}  // namespace lethe::trust
