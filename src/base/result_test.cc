#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace lethe {
namespace {

Result<std::unique_ptr<int>> Half(int n) {
  if (n % 2 != 0) return Error{ErrorCode::kMalformed, "odd"};
  return std::make_unique<int>(n / 2);
}

Result<int> Quarter(int n) {
  const auto half = LETHE_TRY(Half(n));
  const auto quarter = LETHE_TRY_IN(Half(*half), "second half");
  return *quarter;
}

TEST(Result, TryUnwrapsMoveOnlyValues) { EXPECT_EQ(*Quarter(8), 2); }

TEST(Result, TryReturnsTheFirstErrorWithItsContext) {
  EXPECT_EQ(Quarter(3).error().message, "odd");
  EXPECT_EQ(Quarter(6).error().message, "second half: odd");
  EXPECT_EQ(Quarter(6).error().code, ErrorCode::kMalformed);
}

TEST(ExitCode, KeepsMalformedAndUntrustedApart) {
  EXPECT_EQ(ExitCode(ErrorCode::kMalformed), 4);
  EXPECT_EQ(ExitCode(ErrorCode::kUntrusted), 3);
  EXPECT_EQ(ExitCode(ErrorCode::kUnavailable), 5);
}

}  // namespace
}  // namespace lethe
