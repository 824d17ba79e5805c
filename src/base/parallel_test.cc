#include "base/parallel.h"

#include <gtest/gtest.h>

namespace lethe {
namespace {

TEST(ParallelFor, DoesEachPieceOnce) {
  std::vector<std::atomic<int>> counts(1000);
  ASSERT_TRUE(ParallelFor(counts.size(), 4, [&](size_t i) -> Status {
    ++counts[i];
    return {};
  }));
  for (const auto& count : counts) EXPECT_EQ(count, 1);
}

TEST(ParallelFor, ReturnsAFailureAndStops) {
  const auto status = ParallelFor(1000000, 2, [&](size_t i) -> Status {
    if (i >= 10) return Error{ErrorCode::kIo, "piece"};
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "piece");
}

}  // namespace
}  // namespace lethe
