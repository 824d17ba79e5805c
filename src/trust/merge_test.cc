#include "trust/merge.h"

#include <gtest/gtest.h>

#include "trust/object_fixture.h"

namespace lethe::trust {
namespace {

using Files = std::map<std::string, std::string>;
using Paths = std::vector<std::string>;

struct Other {
  std::vector<Files> bases;
  Files files;
};

// "path=" for content of the merger's, "path!" for a conflict.
Paths ByMerger(const Files& first, const std::vector<Other>& others, const Files& result) {
  MemoryObjects objects;
  MergeTrees trees{objects.AddTree(first), {}, objects.AddTree(result)};
  for (const Other& other : others) {
    MergedParent parent{{}, objects.AddTree(other.files)};
    for (const Files& base : other.bases) parent.bases.push_back(objects.AddTree(base));
    trees.others.push_back(std::move(parent));
  }
  const auto paths = PathsByMerger(objects, trees);
  EXPECT_TRUE(paths) << paths.error().message;
  Paths out;
  for (const MergerPath& path : *paths)
    out.push_back(path.path + (path.why == MergerReason::kDiffers ? "=" : "!"));
  return out;
}

Paths ByMerger(const Files& base, const Files& ours, const Files& theirs, const Files& result) {
  return ByMerger(ours, {{{base}, theirs}}, result);
}

const Files kBase = {{"a", "1\n2\n3\n"}, {"d/b", "1\n"}, {"d/c", "1\n"}, {"x", "100755 1\n"}};

Files With(Files files, const std::string& path, const std::string& text) {
  files[path] = text;
  return files;
}
Files Without(Files files, const std::string& path) {
  files.erase(path);
  return files;
}

TEST(PathsByMerger, TakesWhatOneSideChanged) {
  for (const Files& changed :
       {With(kBase, "a", "x\n"), With(kBase, "new/e", "1"), Without(kBase, "a"),
        With(kBase, "a", "100755 1\n2\n3\n"), With(kBase, "a", "120000 d/b"),
        With(kBase, "m", "160000 " + std::string(40, 'a')), With(Without(kBase, "a"), "a/b", "1"),
        With(Without(Without(kBase, "d/b"), "d/c"), "d", "1")}) {
    EXPECT_EQ(ByMerger(kBase, kBase, changed, changed), Paths{});
    EXPECT_EQ(ByMerger(kBase, changed, kBase, changed), Paths{});
    EXPECT_EQ(ByMerger(kBase, changed, changed, changed), Paths{});
    // What is left out of a merge is a change by the merger, too.
    EXPECT_NE(ByMerger(kBase, kBase, changed, kBase), Paths{});
    EXPECT_NE(ByMerger(kBase, changed, kBase, kBase), Paths{});
    EXPECT_NE(ByMerger(kBase, changed, changed, kBase), Paths{});
  }
}

TEST(PathsByMerger, TakesChangesOfBothSides) {
  const Files ours = With(kBase, "a", "0\n1\n2\n3\n");
  const Files theirs = With(With(kBase, "a", "1\n2\n3\n4\n"), "d/b", "2\n");
  const Files merged = With(theirs, "a", "0\n1\n2\n3\n4\n");
  EXPECT_EQ(ByMerger(kBase, ours, theirs, merged), Paths{});
  EXPECT_EQ(ByMerger(kBase, ours, theirs, theirs), Paths{"a="});
  EXPECT_EQ(ByMerger(kBase, ours, theirs, ours), (Paths{"a=", "d/b="}));
  // A mode and the content merge apart from each other.
  const Files program = With(kBase, "a", "100755 1\n2\n3\n");
  EXPECT_EQ(ByMerger(kBase, program, theirs, With(theirs, "a", "100755 1\n2\n3\n4\n")), Paths{});
  EXPECT_EQ(ByMerger(kBase, program, theirs, theirs), Paths{"a="});
}

TEST(PathsByMerger, FindsContentThatNoParentHas) {
  const Files theirs = With(kBase, "d/b", "2\n");
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "d/b", "2\n\n")), Paths{"d/b="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "a", "1\n2\n")), Paths{"a="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "evil/x", "")), Paths{"evil/x="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, Without(theirs, "x")), Paths{"x="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "x", "1\n")), Paths{"x="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "x", "120000 1\n")), Paths{"x="});
  EXPECT_EQ(ByMerger(kBase, kBase, theirs, With(theirs, "d/e", "40000 ")), Paths{"d/e="});
}

TEST(PathsByMerger, CountsConflictsAsTheMergers) {
  const auto conflict = [](const Files& base, const std::string& ours, const std::string& theirs) {
    const auto with = [&](const std::string& text) {
      return text == "-" ? Without(base, "a") : With(base, "a", text);
    };
    for (const std::string& result : {ours, theirs})
      EXPECT_EQ(ByMerger(base, with(ours), with(theirs), with(result)), Paths{"a!"})
          << ours << theirs;
  };
  conflict(kBase, "1\nx\n3\n", "1\ny\n3\n");
  conflict(kBase, "-", "1\n2\n3\n4\n");
  conflict(kBase, "120000 x", "120000 y");
  conflict(kBase, "120000 x", "1\n2\n3\n4\n");
  conflict(kBase, "100755 1\n2\n3\n", "120000 y");
  conflict(Without(kBase, "a"), "1\n", "1\n2\n");
  conflict(Without(kBase, "a"), "1\n", "100755 1\n");
  conflict(With(kBase, "a", std::string("a\nb\nc\n\0", 7)), std::string("A\nb\nc\n\0", 7),
           std::string("a\nb\nC\n\0", 7));
  conflict(With(kBase, "a", "160000 " + std::string(40, 'a')), "160000 " + std::string(40, 'b'),
           "160000 " + std::string(40, 'c'));
  // A folder in the place of a file that the other side changed.
  const Files folder = With(Without(kBase, "a"), "a/b", "1");
  EXPECT_EQ(ByMerger(kBase, folder, With(kBase, "a", "9\n"), folder), Paths{"a!"});
}

// git follows renames; what it moved then shows.
TEST(PathsByMerger, CountsWhatARenameMovedAsTheMergers) {
  const Files renamed = With(Without(kBase, "a"), "z", kBase.at("a"));
  const Files edited = With(kBase, "a", "1\n2\n3\n4\n");
  EXPECT_EQ(ByMerger(kBase, renamed, edited, With(renamed, "z", "1\n2\n3\n4\n")),
            (Paths{"a!", "z="}));
  EXPECT_EQ(ByMerger(kBase, renamed, With(kBase, "x", "2"), With(renamed, "x", "2")), Paths{});
}

TEST(PathsByMerger, TakesOnlyWhatAllBasesGive) {
  const Files one = With(kBase, "a", "one\n"), two = With(kBase, "a", "two\n");
  // Criss-cross: which of them is the newer one depends on the base.
  for (const Files& result : {one, two})
    EXPECT_EQ(ByMerger(one, {{{one, two}, two}}, result), Paths{"a!"});
  const Files new_b = With(two, "d/b", "2\n");
  EXPECT_EQ(ByMerger(two, {{{one, two}, new_b}}, new_b), Paths{});
  EXPECT_EQ(ByMerger(two, {{{one, two}, new_b}}, two), Paths{"d/b="});
  // Against one of the bases alone nothing happened at "a".
  const Files three = With(kBase, "a", "three\n");
  EXPECT_EQ(ByMerger(one, {{{two, three}, three}}, three), Paths{"a!"});
}

TEST(PathsByMerger, TakesOnlyEqualFilesWithoutABase) {
  const Files ours = {{"a", "1"}, {"same", "1"}}, theirs = {{"b", "1"}, {"same", "1"}};
  const Files all = {{"a", "1"}, {"b", "1"}, {"same", "1"}};
  EXPECT_EQ(ByMerger(ours, {{{}, theirs}}, all), Paths{});
  EXPECT_EQ(ByMerger({{"a", "1"}}, {{{}, {{"a", "2"}}}}, {{"a", "1"}}), Paths{"a!"});
}

TEST(PathsByMerger, FoldsAnOctopus) {
  const Files b = With(kBase, "d/b", "2\n"), c = With(kBase, "d/c", "2\n");
  const Files top = With(kBase, "a", "0\n1\n2\n3\n"), end = With(kBase, "a", "1\n2\n3\n4\n");
  const std::vector<Other> others = {{{kBase}, b}, {{kBase}, c}, {{kBase}, top}, {{kBase}, end}};
  const Files merged = With(With(b, "d/c", "2\n"), "a", "0\n1\n2\n3\n4\n");
  EXPECT_EQ(ByMerger(kBase, others, merged), Paths{});
  EXPECT_EQ(ByMerger(kBase, others, With(merged, "a", "0\n1\n2\n3\n")), Paths{"a="});
  EXPECT_EQ(ByMerger(kBase, others, With(merged, "d/c", "1\n")), Paths{"d/c="});
  EXPECT_EQ(ByMerger(kBase, others, With(merged, "e", "1\n")), Paths{"e="});
  // Three sides at one place, and a fourth that agrees with one of them.
  const Files x = With(kBase, "a", "x\n"), y = With(kBase, "a", "y\n");
  EXPECT_EQ(ByMerger(x, {{{kBase}, y}, {{kBase}, x}}, x), Paths{"a!"});
}

TEST(PathsByMerger, NamesTheObjectThatIsMissing) {
  MemoryObjects objects;
  const auto lost = [&](char c) {
    return objects.Add(git::ObjectType::kTree,
                       git::WriteTree({{"a", git::EntryKind::kFile, {std::string(20, c)}}}));
  };
  const auto paths = PathsByMerger(objects, {lost('1'), {{{lost('2')}, lost('3')}}, lost('1')});
  ASSERT_FALSE(paths);
  EXPECT_EQ(paths.error().reason, Reason::kWrongObject);
  EXPECT_NE(paths.error().message.find("path 'a': blob 32323232"), std::string::npos)
      << paths.error().message;
}

TEST(PathsByMerger, RefusesTooManyBases) {
  MemoryObjects objects;
  const auto tree = objects.AddTree(kBase);
  const auto merge = [&](size_t bases) {
    return PathsByMerger(objects, {tree, {{std::vector<git::ObjectId>(bases, tree), tree}}, tree});
  };
  EXPECT_TRUE(merge(kMaxMergeBases));
  ASSERT_FALSE(merge(kMaxMergeBases + 1));
  EXPECT_EQ(merge(kMaxMergeBases + 1).error().reason, Reason::kMergeContent);
}

}  // namespace
}  // namespace lethe::trust
