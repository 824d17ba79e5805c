#include "slope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

namespace lethe::lab {

void Slope::Add(unsigned cycles, const Holdings& now) {
  seen_.push_back({cycles, now});
  std::printf("  after %4u: %ju descriptors, %ju KiB slab; KiB resident:", cycles,
              uintmax_t(now.descriptors), uintmax_t(now.slab_kib));
  for (const auto& [service, kib] : now.resident_kib)
    std::printf(" %s %ju", service.c_str(), uintmax_t(kib));
  std::printf("\n");
  std::fflush(stdout);
}

void Slope::ExpectNone(double allowed_kib) const {
  ASSERT_GE(seen_.size(), 4U) << "too little to see a slope in";
  const Seen &middle = seen_[seen_.size() / 2 - 1], &end = seen_.back();
  const Holdings &first = middle.holdings, &last = end.holdings;
  // Who is just coming or going may be in a single look; what stays is in all of the last ones.
  const auto last_quarter = seen_.end() - static_cast<ptrdiff_t>(seen_.size() / 4);
  for (const auto member : {&Holdings::descriptors, &Holdings::processes}) {
    const auto less = [member](const Seen& a, const Seen& b) {
      return a.holdings.*member < b.holdings.*member;
    };
    const Seen& most = *std::max_element(
        seen_.begin(), seen_.begin() + static_cast<ptrdiff_t>(seen_.size() / 2), less);
    const Seen& least = *std::min_element(last_quarter, seen_.end(), less);
    EXPECT_LE(least.holdings.*member, most.holdings.*member)
        << (member == &Holdings::descriptors ? "descriptors" : "processes");
  }
  const auto per_cycle = [cycles = end.cycles - middle.cycles](uint64_t before, uint64_t after) {
    return (static_cast<double>(after) - static_cast<double>(before)) / cycles;
  };
  for (const auto& [service, kib] : last.resident_kib)
    EXPECT_LT(per_cycle(first.resident_kib.at(service), kib), allowed_kib) << service;
  EXPECT_LT(per_cycle(first.slab_kib, last.slab_kib), allowed_kib) << "the kernel's";
}

namespace {

// When no more processes run than that, or not for a long time.
Result<Holdings> Settled(ServerView& server, uint64_t processes) {
  constexpr std::chrono::seconds kGone(15);
  Result<Holdings> held = Error{ErrorCode::kUnavailable, "nothing was counted"};
  Eventually(kGone, [&] {
    held = server.Count();
    return held && held->processes <= processes;
  });
  return held;
}

}  // namespace

void ExpectNoSlope(ServerView& server, const Cycles& cycles, const std::function<void()>& batch) {
  constexpr unsigned kMany = 500;
  const auto before = Settled(server, std::numeric_limits<uint64_t>::max());
  ASSERT_TRUE(before) << before.error().message;
  batch();  // what is made once is made here
  Slope slope;
  for (unsigned done = cycles.batch; done <= cycles.cycles; done += cycles.batch) {
    batch();
    if (::testing::Test::HasFailure()) return;
    const auto held = Settled(server, before->processes);
    ASSERT_TRUE(held) << held.error().message;
    slope.Add(done, *held);
  }
  slope.ExpectNone(cycles.cycles >= kMany ? 1 : 6);
}

}  // namespace lethe::lab
