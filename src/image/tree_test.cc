#include "image/tree.h"

#include <gtest/gtest.h>

#include "archive/archive.h"
#include "base/file.h"
#include "image/cpio_reader.h"
#include "image/cpio_writer.h"
#include "image/tar_writer.h"

namespace lethe::image {
namespace {

TEST(Tree, MakesParentsAndRefusesNonFolders) {
  Tree tree;
  ASSERT_TRUE(tree.PutFile("/a/b/c", "x", 0644, "p"));
  EXPECT_EQ(tree.Find("/a/b")->type, NodeType::kDirectory);
  EXPECT_EQ(tree.PutFile("/a/b/c/d", "x", 0644, "p").error().code, ErrorCode::kConflict);
  EXPECT_EQ(tree.PutFile("/a/b", "x", 0644, "p").error().code, ErrorCode::kConflict);
}

TEST(Tree, RefusesPathsThatAreNotClean) {
  Tree tree;
  for (const char* bad : {"", "a", "/a/../b", "/a//b", "/./a", "/a/", "/"}) {
    EXPECT_FALSE(tree.PutFile(bad, "x", 0644, "p")) << bad;
  }
}

TEST(Tree, RemovesASubtreeAndNothingBesideIt) {
  Tree tree;
  for (const char* path : {"/a/x", "/a/y/z", "/a-b", "/a.c/d"}) {
    ASSERT_TRUE(tree.PutFile(path, "x", 0644, "p"));
  }
  tree.Remove("/a");
  EXPECT_EQ(tree.Find("/a"), nullptr);
  EXPECT_EQ(tree.Find("/a/y/z"), nullptr);
  EXPECT_NE(tree.Find("/a-b"), nullptr);
  EXPECT_NE(tree.Find("/a.c/d"), nullptr);
}

TEST(Tree, ResolvesLinksInFoldersAndEndsInACircle) {
  Tree tree;
  ASSERT_TRUE(tree.PutSymlink("/lib", "usr/lib", "p"));
  ASSERT_TRUE(tree.PutSymlink("/usr/lib/up", "../share", "p"));
  EXPECT_EQ(*tree.Resolve("/lib/x"), "/usr/lib/x");
  EXPECT_EQ(*tree.Resolve("/lib/up/y"), "/usr/share/y");
  ASSERT_TRUE(tree.PutSymlink("/p", "/q", "p"));
  ASSERT_TRUE(tree.PutSymlink("/q", "/p", "p"));
  EXPECT_EQ(tree.Resolve("/p/x").error().code, ErrorCode::kConflict);
}

TEST(TreeDigest, ChangesWithEveryField) {
  const auto digest = [](unsigned mode, uint32_t uid, std::string content) {
    Tree tree;
    TreeNode node{.mode = mode, .uid = uid};
    node.sha256 = crypto::Sha256Of(content);
    node.content = Content::FromString(std::move(content));
    EXPECT_TRUE(tree.Put("/f", std::move(node)));
    return TreeDigest(tree);
  };
  const auto base = digest(0644, 0, "x");
  EXPECT_EQ(digest(0644, 0, "x"), base);
  EXPECT_NE(digest(0755, 0, "x"), base);
  EXPECT_NE(digest(0644, 1, "x"), base);
  EXPECT_NE(digest(0644, 0, "y"), base);
}

TEST(WriteTar, ReadsBackWithLongNames) {
  const auto dir = ScratchDir::Create(std::filesystem::temp_directory_path(), "lethe-tar-").value();
  Tree tree;
  const std::string long_name = "/" + std::string(120, 'd') + "/" + std::string(200, 'f');
  const std::string long_target(300, 't');
  ASSERT_TRUE(tree.PutFile(long_name, std::string(1000, 'x'), 0640, ""));
  ASSERT_TRUE(tree.PutSymlink("/l", long_target, ""));
  ASSERT_TRUE(WriteTar(tree, 1700000000, dir.path() / "t.tar"));
  auto reader = archive::Reader::OpenFile(dir.path() / "t.tar").value();
  std::map<std::string, archive::Entry> entries;
  while (auto entry = reader.Next().value()) entries[entry->path] = *entry;
  EXPECT_EQ(entries.size(), 4U);  // the root, the folder, the file, the link
  ASSERT_TRUE(entries.contains(long_name.substr(1)));
  EXPECT_EQ(entries[long_name.substr(1)].size, 1000U);
  EXPECT_EQ(entries[long_name.substr(1)].mode, 0640U);
  EXPECT_EQ(entries["l"].target, long_target);
}

TEST(Cpio, ReadsBackWhatItWrites) {
  CpioStringSink sink;
  CpioWriter writer(sink);
  ASSERT_TRUE(writer.AddDirectory("d", 0755));
  ASSERT_TRUE(writer.AddFile("d/f", 0600, "abc"));
  ASSERT_TRUE(writer.AddFile("empty", 0644, ""));
  ASSERT_TRUE(writer.Finish());
  const std::string bytes = sink.Take();
  EXPECT_EQ(bytes.size() % 512, 0U);
  const auto entries = ReadCpio(bytes).value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[1].name, "d/f");
  EXPECT_EQ(entries[1].bytes, "abc");
  for (size_t size = 0; size + 512 < bytes.size(); size += 3) {
    EXPECT_EQ(ReadCpio(std::string_view(bytes).substr(0, size)).error().code,
              ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::image
