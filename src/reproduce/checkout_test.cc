#include "reproduce/checkout.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

class CheckOutTest : public ::testing::Test {
 protected:
  CheckOutTest()
      : scratch_(ScratchDir::Create(fs::temp_directory_path(), "checkout-").value()),
        repository_(scratch_.path() / "repository") {
    EXPECT_TRUE(MakeDirectories(repository_));
    Git({"init", "--quiet"});
    EXPECT_TRUE(WriteFileAtomic(repository_ / "text", "one\ntwo\n"));
    EXPECT_TRUE(WriteFileAtomic(repository_ / "run", "#!/bin/sh\n", 0755));
    Git({"add", "."});
    Commit("first");
    first_ = Git({"rev-parse", "HEAD"});
  }

  std::string Git(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"git", "-C", repository_.string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto out = RunChecked({.argv = argv});
    EXPECT_TRUE(out) << out.error().message;
    return out ? std::string(Trim(*out)) : "";
  }
  void Commit(const std::string& message) {
    Git({"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m",
         message});
  }

  ScratchDir scratch_;
  fs::path repository_;
  std::string first_;
};

TEST_F(CheckOutTest, GivesTheCommitAndNotTheWorkTree) {
  ASSERT_TRUE(WriteFileAtomic(repository_ / "text", "three\n"));
  Git({"add", "."});
  Commit("second");
  ASSERT_TRUE(WriteFileAtomic(repository_ / "text", "not committed\n"));
  const fs::path tree = scratch_.path() / "a place/with spaces" / "tree";
  const auto status = CheckOut(repository_, first_, tree);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(ReadFile(tree / "text").value(), "one\ntwo\n");
  EXPECT_NE(fs::status(tree / "run").permissions() & fs::perms::owner_exec, fs::perms::none);
  // It stands on its own.
  ASSERT_TRUE(RemoveTree(repository_));
  EXPECT_EQ(Trim(RunChecked({.argv = {"git", "-C", tree.string(), "rev-parse", "HEAD"}}).value()),
            first_);
}

TEST_F(CheckOutTest, IgnoresSettingsFiltersAttributesAndHooks) {
  Git({"config", "core.autocrlf", "true"});
  Git({"config", "filter.shout.smudge", "tr a-z A-Z"});
  ASSERT_TRUE(MakeDirectories(repository_ / ".git/info"));
  ASSERT_TRUE(MakeDirectories(repository_ / ".git/hooks"));
  ASSERT_TRUE(WriteFileAtomic(repository_ / ".git/info/attributes", "* filter=shout eol=crlf\n"));
  ASSERT_TRUE(WriteFileAtomic(repository_ / ".git/hooks/post-checkout",
                              "#!/bin/sh\necho hook >" + (scratch_.path() / "hook").string() + "\n",
                              0755));
  const fs::path tree = scratch_.path() / "tree";
  ASSERT_TRUE(CheckOut(repository_, first_, tree));
  EXPECT_EQ(ReadFile(tree / "text").value(), "one\ntwo\n");
  EXPECT_FALSE(fs::exists(scratch_.path() / "hook"));
}

TEST_F(CheckOutTest, NamesTheCommitThatIsMissing) {
  const std::string missing(40, 'a');
  const auto status = CheckOut(repository_, missing, scratch_.path() / "tree");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_NE(status.error().message.find(missing), std::string::npos);
  EXPECT_FALSE(fs::exists(scratch_.path() / "tree"));
}

TEST_F(CheckOutTest, RefusesWhatIsNoFullHash) {
  for (const std::string& bad :
       std::vector<std::string>{"HEAD", "--upload-pack=x", first_.substr(0, 12), ""}) {
    const auto status = CheckOut(repository_, bad, scratch_.path() / "tree");
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::kMalformed) << bad;
  }
}

TEST_F(CheckOutTest, NeedsARepository) {
  const auto status = CheckOut("/", first_, scratch_.path() / "tree");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace lethe::reproduce
