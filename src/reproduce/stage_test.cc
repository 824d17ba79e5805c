#include "reproduce/stage.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>

#include "base/file.h"
#include "reproduce/varied_build.h"

namespace lethe::reproduce {
namespace {

namespace fs = std::filesystem;

TEST(RunOnStage, BringsTheStatusBack) {
  EXPECT_TRUE(RunOnStage(0, [] { return Status(); }));
  const auto failed = RunOnStage(0, []() -> Status {
    return Error{ErrorCode::kUntrusted, "not the same"};
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kUntrusted);
  EXPECT_EQ(failed.error().message, "not the same");
}

TEST(RunOnStage, TellsAKilledStageFromASuccess) {
  const auto killed = RunOnStage(0, []() -> Status {
    ::raise(SIGKILL);
    return {};
  });
  ASSERT_FALSE(killed);
  EXPECT_EQ(killed.error().code, ErrorCode::kIo);
}

TEST(RunOnStage, KeepsTheHostsNameAsItIs) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  char before[256] = "";
  char after[256] = "";
  ::gethostname(before, sizeof before);
  EXPECT_TRUE(RunOnStage(CLONE_NEWUTS | CLONE_NEWNS, []() -> Status {
    if (::sethostname("inside", 6) != 0) return Error{ErrorCode::kIo, "no"};
    return {};
  }));
  ::gethostname(after, sizeof after);
  EXPECT_STREQ(before, after);
}

TEST(KeepBuilt, CopiesFilesAndNamesWhatItCannotKeep) {
  const auto scratch = ScratchDir::Create(fs::temp_directory_path(), "keep-").value();
  const fs::path from = scratch.path() / "from";
  const fs::path to = scratch.path() / "to";
  ASSERT_TRUE(MakeDirectories(from / "folder"));
  ASSERT_TRUE(MakeDirectories(to));
  ASSERT_TRUE(WriteFileAtomic(from / "a.iso", "image"));
  ASSERT_TRUE(WriteFileAtomic(from / "log", "chatter"));
  ASSERT_TRUE(KeepBuilt(from, to, {"log"}));
  EXPECT_EQ(ReadFile(to / "a.iso").value(), "image");
  EXPECT_EQ(std::distance(fs::directory_iterator(to), fs::directory_iterator()), 1);

  const Status again = KeepBuilt(from, to, {"log"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "keeping a.iso: File exists");
  EXPECT_FALSE(KeepBuilt(from / "none", to));
}

TEST(StatusOfBuild, KeepsTheMeaningOfExitCodes) {
  EXPECT_TRUE(StatusOfBuild(0, "chatter"));
  EXPECT_EQ(StatusOfBuild(1, "x").error().code, ErrorCode::kIo);
  EXPECT_EQ(StatusOfBuild(3, "x").error().code, ErrorCode::kUntrusted);
  EXPECT_EQ(StatusOfBuild(4, "x").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(StatusOfBuild(5, "x").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(StatusOfBuild(137, "killed\n").error().message,
            "the build ended with exit code 137: killed");
}

}  // namespace
}  // namespace lethe::reproduce
