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

}  // namespace
}  // namespace lethe
