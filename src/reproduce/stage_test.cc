#include "reproduce/stage.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>

#include "reproduce/varied_build.h"

namespace lethe::reproduce {
namespace {

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
