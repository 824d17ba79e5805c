#include "impair.h"

#include <gtest/gtest.h>

namespace lethe::lab {
namespace {

using std::chrono::milliseconds;
using Fates = std::vector<std::vector<milliseconds>>;

Fates Take(const Impairment& impairment, uint32_t seed, size_t frames = 10000) {
  Impairer impairer(impairment, seed);
  Fates out;
  for (size_t i = 0; i < frames; ++i) out.push_back(impairer.Fate(100));
  return out;
}

template <typename Condition>
size_t Count(const Fates& fates, Condition condition) {
  size_t count = 0;
  for (const auto& fate : fates) count += condition(fate) ? 1U : 0U;
  return count;
}

TEST(Impairer, LetsEverythingPassAtOnceByDefault) {
  const std::vector<milliseconds> at_once = {milliseconds(0)};
  EXPECT_EQ(Count(Take({}, 1), [&](const auto& fate) { return fate == at_once; }), 10000U);
}

TEST(Impairer, RepeatsARunWithItsSeed) {
  const Impairment bad{.drop = 0.1, .duplicate = 0.1, .reorder = 0.1, .jitter = milliseconds(9)};
  EXPECT_EQ(Take(bad, 7), Take(bad, 7));
  EXPECT_NE(Take(bad, 7), Take(bad, 8));
}

TEST(Impairer, DropsDuplicatesAndReordersAsOftenAsItIsTold) {
  const auto lost = Count(Take({.drop = 0.2}, 1), [](const auto& f) { return f.empty(); });
  EXPECT_NEAR(static_cast<double>(lost), 2000, 150);
  const auto twice =
      Count(Take({.duplicate = 0.2}, 1), [](const auto& f) { return f.size() == 2; });
  EXPECT_NEAR(static_cast<double>(twice), 2000, 150);
  const auto late = Count(Take({.reorder = 0.2, .delay = milliseconds(5)}, 1),
                          [](const auto& f) { return f.at(0) == milliseconds(45); });
  EXPECT_NEAR(static_cast<double>(late), 2000, 150);
}

TEST(Impairer, DelaysWithinItsJitter) {
  for (const auto& fate : Take({.delay = milliseconds(10), .jitter = milliseconds(5)}, 3)) {
    EXPECT_GE(fate.at(0), milliseconds(10));
    EXPECT_LE(fate.at(0), milliseconds(15));
  }
}

TEST(Impairer, LosesWhatIsTooLong) {
  Impairer impairer({.max_frame = 1294}, 1);
  EXPECT_EQ(impairer.Fate(1294).size(), 1U);
  EXPECT_TRUE(impairer.Fate(1295).empty());
}

}  // namespace
}  // namespace lethe::lab
