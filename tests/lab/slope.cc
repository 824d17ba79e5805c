#include "slope.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace lethe::lab {

void Slope::Add(unsigned cycles, const Holdings& now) {
  if (seen_.empty()) first_at_ = cycles;
  last_at_ = cycles;
  seen_.push_back(now);
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf("  after %4u: %llu descriptors, %llu KiB resident, %llu KiB slab\n", cycles,
              number(now.descriptors), number(now.resident_kib), number(now.slab_kib));
}

void Slope::ExpectNone(double allowed_kib) const {
  const Holdings &first = seen_.front(), &last = seen_.back();
  EXPECT_LE(last.descriptors, first.descriptors);
  EXPECT_LE(last.processes, first.processes);
  const auto per_cycle = [&](uint64_t from, uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / (last_at_ - first_at_);
  };
  EXPECT_LT(per_cycle(first.resident_kib, last.resident_kib), allowed_kib);
  EXPECT_LT(per_cycle(first.slab_kib, last.slab_kib), allowed_kib);
}

void ExpectNoSlope(ServerView& server, const Cycles& cycles, const std::function<void()>& batch) {
  constexpr unsigned kMany = 500;
  batch();  // what is made once is made here
  Slope slope;
  for (unsigned done = cycles.batch; done <= cycles.cycles; done += cycles.batch) {
    batch();
    if (::testing::Test::HasFailure()) return;
    slope.Add(done, server.Count().value());
  }
  slope.ExpectNone(cycles.cycles >= kMany ? 1 : 32);
}

}  // namespace lethe::lab
