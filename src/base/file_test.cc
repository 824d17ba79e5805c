#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace lethe {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
 protected:
  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "lethe-file-").value();
};

TEST_F(FileTest, AtomicWriteReplacesAndKeepsMode) {
  const fs::path path = dir_.path() / "x";
  ASSERT_TRUE(WriteFileAtomic(path, "one"));
  ASSERT_TRUE(WriteFileAtomic(path, "two", 0600));
  EXPECT_EQ(*ReadFile(path), "two");
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
}

TEST_F(FileTest, ReadFileHasALimitAndNamesTheMissing) {
  const fs::path path = dir_.path() / "x";
  ASSERT_TRUE(WriteFileAtomic(path, "12345"));
  EXPECT_EQ(ReadFile(path, 4).error().code, ErrorCode::kMalformed);
  const auto missing = ReadFile(dir_.path() / "nope");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("nope"), std::string::npos);
}

TEST_F(FileTest, ScratchDirRemovesItself) {
  fs::path path;
  {
    auto scratch = ScratchDir::Create(dir_.path(), "s-").value();
    path = scratch.path();
    ASSERT_TRUE(WriteFileAtomic(path / "f", "x"));
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(FileTest, ScratchDirTakesNothingFromItsParent) {
  // acl(5): version 2, then tag, permissions and id of owner, group 34, owning group, mask, others.
  const unsigned char acl[] = {2,    0, 0, 0,                          //
                               0x01, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                               0x04, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                               0x08, 0, 7, 0, 34,   0,    0,    0,     //
                               0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,  //
                               0x20, 0, 5, 0, 0xff, 0xff, 0xff, 0xff};
  if (::setxattr(dir_.path().c_str(), "system.posix_acl_default", acl, sizeof acl, 0) != 0)
    GTEST_SKIP() << "no ACLs on this file system";
  ASSERT_EQ(::chmod(dir_.path().c_str(), 02755), 0);
  const auto scratch = ScratchDir::Create(dir_.path(), "s-").value();
  struct stat info {};
  ASSERT_EQ(::stat(scratch.path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
  for (const char* name : {"system.posix_acl_default", "system.posix_acl_access"})
    EXPECT_LT(::getxattr(scratch.path().c_str(), name, nullptr, 0), 0) << name;
}

TEST_F(FileTest, RemoveTreeOpensReadOnlyFolders) {
  const fs::path sub = dir_.path() / "a" / "b";
  ASSERT_TRUE(MakeDirectories(sub));
  ASSERT_TRUE(WriteFileAtomic(sub / "f", "x"));
  fs::permissions(sub, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(RemoveTree(dir_.path() / "a"));
  EXPECT_FALSE(fs::exists(dir_.path() / "a"));
}

TEST_F(FileTest, ReadsBelowAFolderOnlyWhatLiesThere) {
  const fs::path folder = dir_.path() / "folder";
  ASSERT_TRUE(MakeDirectories(folder / "sub"));
  ASSERT_TRUE(WriteFileAtomic(folder / "sub/file", "inside"));
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "secret", "outside"));
  fs::create_symlink(dir_.path() / "secret", folder / "absolute");
  fs::create_symlink("../secret", folder / "climbing");
  fs::create_symlink("sub/file", folder / "harmless");
  fs::create_symlink("..", folder / "up");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(*ReadFileBelow(folder, "sub/file"), "inside");
  EXPECT_EQ(ReadFileBelow(folder, "sub/file", 5).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(ReadFileBelow(folder, "none").error().code, ErrorCode::kNotFound);
  for (const char* path :
       {"absolute", "climbing", "harmless", "up/secret", "../secret", "pipe", "sub"}) {
    const auto read = ReadFileBelow(folder, path);
    ASSERT_FALSE(read) << path;
    EXPECT_EQ(read.error().code, ErrorCode::kMalformed) << read.error().message;
  }
}

TEST_F(FileTest, RefusesSymlinksOnTheWay) {
  ASSERT_TRUE(MakeDirectories(dir_.path() / "a/b"));
  fs::create_symlink("b", dir_.path() / "a/link");
  EXPECT_TRUE(RefuseSymlinks(dir_.path(), "a/b"));
  EXPECT_TRUE(RefuseSymlinks(dir_.path(), "/a/b/missing/too"));
  for (const char* path : {"a/link", "a/link/x", "a/../.."})
    EXPECT_EQ(RefuseSymlinks(dir_.path(), path).error().code, ErrorCode::kMalformed) << path;
}

}  // namespace
}  // namespace lethe
