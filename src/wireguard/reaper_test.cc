#include "wireguard/reaper.h"

#include <gtest/gtest.h>

#include "wireguard/test_peers.h"

namespace lethe::wireguard {
namespace {

using std::chrono::seconds;

constexpr seconds kLimit(180);
constexpr seconds kStart(1'000'000);  // on the wall; the monotonic clock starts at 0

// Judges one peer `at` so long after the start, with the wall clock set by `step`.
class Sweeps {
 public:
  Verdict At(seconds at, seconds handshake_at, seconds step = seconds(0), unsigned number = 1) {
    reaper_.Begin({kStart + at + step, at});
    const Verdict verdict = reaper_.Judge(
        {.public_key = TestKey(number), .last_handshake = kStart + handshake_at, .observed = true});
    reaper_.End();
    return verdict;
  }
  Verdict Never(seconds at, bool observed = true) {
    reaper_.Begin({kStart + at, at});
    const Verdict verdict = reaper_.Judge({.public_key = TestKey(1), .observed = observed});
    reaper_.End();
    return verdict;
  }
  void Nobody(seconds at) {
    reaper_.Begin({kStart + at, at});
    reaper_.End();
  }

 private:
  Reaper reaper_{kLimit, {kStart, seconds(0)}};
};

TEST(Reaper, ForgetsASessionAtTheLimitAndNotBefore) {
  Sweeps sweeps;
  EXPECT_EQ(sweeps.At(seconds(1000), seconds(1000)), Verdict::kAlive);
  EXPECT_EQ(sweeps.At(seconds(1179), seconds(1000)), Verdict::kAlive);
  EXPECT_EQ(sweeps.At(seconds(1180), seconds(1000)), Verdict::kForget);
  EXPECT_EQ(sweeps.At(seconds(1190), seconds(1185)), Verdict::kAlive) << "a new handshake";
}

TEST(Reaper, GivesAHandshakeThatDoesNotCompleteTheLimitToo) {
  Sweeps sweeps;
  EXPECT_EQ(sweeps.Never(seconds(10), false), Verdict::kBlank);
  EXPECT_EQ(sweeps.Never(seconds(20)), Verdict::kWaits);
  EXPECT_EQ(sweeps.Never(seconds(199)), Verdict::kWaits);
  EXPECT_EQ(sweeps.Never(seconds(200)), Verdict::kForget);
  sweeps.Nobody(seconds(205));  // it was forgotten
  EXPECT_EQ(sweeps.Never(seconds(210)), Verdict::kWaits) << "counts anew";
  EXPECT_EQ(sweeps.Never(seconds(215), false), Verdict::kBlank);
  EXPECT_EQ(sweeps.Never(seconds(390)), Verdict::kWaits) << "it was blank meanwhile";
}

TEST(Reaper, CutsNoSessionWhenTheWallClockIsSet) {
  for (const seconds step : {seconds(3600), seconds(-3600), seconds(100)}) {
    Sweeps sweeps;
    EXPECT_EQ(sweeps.At(seconds(1000), seconds(995)), Verdict::kAlive);
    // Stamped before the clock was set.
    EXPECT_EQ(sweeps.At(seconds(1005), seconds(995), step), Verdict::kAlive) << step.count();
    EXPECT_EQ(sweeps.At(seconds(1170), seconds(995), step), Verdict::kAlive) << step.count();
    // Stamped after it.
    EXPECT_EQ(sweeps.At(seconds(1171), seconds(1100) + step, step, 2), Verdict::kAlive);
    EXPECT_EQ(sweeps.At(seconds(1279), seconds(1100) + step, step, 2), Verdict::kAlive);
    // At the latest when the limit has passed since.
    EXPECT_EQ(sweeps.At(seconds(1186), seconds(995), step), Verdict::kForget) << step.count();
    EXPECT_EQ(sweeps.At(seconds(1290), seconds(1100) + step, step, 2), Verdict::kForget);
  }
}

TEST(Reaper, AddsNoStepOfTheClockToAnOldOne) {
  Sweeps sweeps;
  EXPECT_EQ(sweeps.At(seconds(1000), seconds(995), seconds(100)), Verdict::kAlive);
  // The clock is set once more after 1850: the handshake is 150 s old, then 190 s.
  EXPECT_EQ(sweeps.At(seconds(2000), seconds(1950), seconds(200)), Verdict::kAlive);
  EXPECT_EQ(sweeps.At(seconds(2040), seconds(1950), seconds(200)), Verdict::kForget);
}

TEST(Reaper, TakesWhatAnEarlierRunLeftForAliveWhereTheClockWasSetMeanwhile) {
  Sweeps sweeps;
  EXPECT_EQ(sweeps.At(seconds(5), seconds(500)), Verdict::kAlive) << "stamped in the future";
  EXPECT_EQ(sweeps.At(seconds(181), seconds(500)), Verdict::kForget);
}

}  // namespace
}  // namespace lethe::wireguard
