#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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
