#include "image/version.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

class ReadVersionTest : public ::testing::Test {
 protected:
  ReadVersionTest()
      : scratch_(ScratchDir::Create(fs::temp_directory_path(), "version-").value()),
        repository_(scratch_.path() / "repository") {
    EXPECT_TRUE(MakeDirectories(repository_));
    Git({"init", "--quiet"});
    EXPECT_TRUE(WriteFileAtomic(repository_ / "text", "one\ntwo\n"));
    fs::create_symlink("text", repository_ / "link");
    Git({"add", "."});
    Git({"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "x"});
  }

  void Git(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"git", "-C", repository_.string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto out = RunChecked({.argv = argv});
    EXPECT_TRUE(out) << out.error().message;
  }
  bool Dirty() const { return ReadVersion(repository_).value().dirty; }

  ScratchDir scratch_;
  fs::path repository_;
};

TEST_F(ReadVersionTest, IsCleanForTheCommitItself) {
  const auto version = ReadVersion(repository_).value();
  EXPECT_FALSE(version.dirty);
  EXPECT_TRUE(version.version.ends_with(version.commit.substr(0, 12)));
}

TEST_F(ReadVersionTest, SeesChangesAndNewFiles) {
  ASSERT_TRUE(WriteFileAtomic(repository_ / "new", "x"));
  EXPECT_TRUE(Dirty());
  ASSERT_TRUE(RemoveTree(repository_ / "new"));
  EXPECT_FALSE(Dirty());
  ASSERT_TRUE(WriteFileAtomic(repository_ / "text", "three\n"));
  EXPECT_TRUE(Dirty());
}

TEST_F(ReadVersionTest, SeesLineEndsThatGitCallsClean) {
  Git({"config", "core.autocrlf", "true"});
  ASSERT_TRUE(RemoveTree(repository_ / "text"));
  Git({"checkout", "--quiet", "--", "text"});
  ASSERT_EQ(ReadFile(repository_ / "text").value(), "one\r\ntwo\r\n");
  EXPECT_TRUE(Dirty());
}

TEST_F(ReadVersionTest, SeesWhatTheIndexWasToldToOverlook) {
  Git({"update-index", "--assume-unchanged", "text"});
  ASSERT_TRUE(WriteFileAtomic(repository_ / "text", "three\n"));
  EXPECT_TRUE(Dirty());
}

TEST_F(ReadVersionTest, IgnoresTheCallersVariables) {
  const std::string commit = ReadVersion(repository_).value().commit;
  ::setenv("GIT_DIR", "/nonexistent", 1);
  ::setenv("GIT_INDEX_FILE", "/nonexistent", 1);
  const auto version = ReadVersion(repository_);
  ::unsetenv("GIT_DIR");
  ::unsetenv("GIT_INDEX_FILE");
  ASSERT_TRUE(version) << version.error().message;
  EXPECT_EQ(version->commit, commit);
  EXPECT_FALSE(version->dirty);
}

}  // namespace
}  // namespace lethe::image
