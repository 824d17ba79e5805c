#include "base/subprocess.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

TEST(RunCommand, SeparatesOutputsAndExitCode) {
  const auto result = RunCommand({.argv = {"sh", "-c", "echo out; echo err >&2; exit 3"}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->out, "out\n");
  EXPECT_EQ(result->err, "err\n");
}

TEST(RunCommand, FeedsLargeInputWithoutStalling) {
  const std::string big(4 << 20, 'x');
  const auto result = RunCommand({.argv = {"cat"}, .input = big});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, big);
}

TEST(RunCommand, NamesAProgramThatDoesNotExist) {
  const auto result = RunCommand({.argv = {"/nonexistent/program"}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "this machine has no /nonexistent/program");
  const auto named = RunCommand({.argv = {"no-such-program"}, .package = "its-package"});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().message,
            "this machine has no no-such-program (Debian package its-package)");
  EXPECT_EQ(RunCommand({.argv = {"/dev/null"}}).error().code, ErrorCode::kIo);
}

TEST(RunCommand, AMissingFolderIsNoMissingProgram) {
  const auto result = RunCommand({.argv = {"true"}, .cwd = "/nonexistent"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kIo);
  EXPECT_EQ(result.error().message, "starting true: No such file or directory");
}

TEST(RunCommand, ClearsTheEnvironmentOnRequest) {
  const auto result =
      RunCommand({.argv = {"/usr/bin/env"}, .env = {{"A", "1"}}, .clear_env = true});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->out, "A=1\n");
}

TEST(RunCommand, StopsAProgramThatSaysTooMuch) {
  const auto result = RunCommand({.argv = {"yes"}, .max_output_bytes = 1000});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kIo);
}

TEST(RunCommand, ReportsTheSignal) {
  EXPECT_EQ(RunCommand({.argv = {"sh", "-c", "kill -9 $$"}})->exit_code, 137);
}

TEST(RunChecked, TurnsAFailureIntoAnErrorWithStderr) {
  const auto result = RunChecked({.argv = {"sh", "-c", "echo why >&2; exit 1"}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("why"), std::string::npos);
}

}  // namespace
}  // namespace lethe
