#include "reproduce/vary.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lethe::reproduce {
namespace {

std::vector<Variation> Everything() {
  std::vector<Variation> out;
  for (const AxisInfo& info : AllAxes()) out.push_back({info.axis, "one", "other", ""});
  return out;
}

// A build whose image depends on the axes in `guilty`, each alone.
struct FakeBuilds {
  AxisSet guilty;
  std::vector<AxisSet> built;

  Builder Function() {
    return [this](const AxisSet& axes) -> Result<Build> {
      built.push_back(axes);
      const bool differs =
          std::any_of(axes.begin(), axes.end(), [&](Axis axis) { return guilty.contains(axis); });
      Build build{.difference = {}, .seconds = 1, .failure = {}};
      if (differs) build.difference = Difference{17, "/boot/initrd.img", 3};
      return build;
    };
  }
};

AxisState StateOf(const VaryResult& result, Axis axis) {
  return result.axes.at(static_cast<size_t>(axis)).state;
}

TEST(Vary, NeedsOneBuildPerPlaceWhereNothingDiffers) {
  FakeBuilds builds;
  const auto result = Vary(Everything(), false, builds.Function()).value();
  EXPECT_EQ(result.builds, 3U);
  for (const AxisResult& row : result.axes) EXPECT_EQ(row.state, AxisState::kSame);
  for (size_t i = 0; i < builds.built.size(); ++i) {
    for (const Axis axis : builds.built[i])
      EXPECT_EQ(AllAxes()[static_cast<size_t>(axis)].place, static_cast<Place>(i));
  }
}

TEST(Vary, NamesEachGuiltyAxisAndClearsAllOthers) {
  for (const AxisInfo& first : AllAxes()) {
    for (const AxisInfo& second : AllAxes()) {
      FakeBuilds builds{{first.axis, second.axis}, {}};
      const auto result = Vary(Everything(), false, builds.Function()).value();
      for (const AxisInfo& info : AllAxes()) {
        const bool guilty = builds.guilty.contains(info.axis);
        EXPECT_EQ(StateOf(result, info.axis), guilty ? AxisState::kDiffers : AxisState::kSame)
            << info.name << " with " << NamesOf(builds.guilty);
      }
      EXPECT_FALSE(result.plain_differs);
      EXPECT_LE(result.builds, 24U);
    }
  }
}

TEST(Vary, SaysWhereAGuiltyAxisDiffers) {
  FakeBuilds builds{{Axis::kUmask}, {}};
  const auto result = Vary(Everything(), false, builds.Function()).value();
  EXPECT_EQ(result.axes[static_cast<size_t>(Axis::kUmask)].note,
            "byte 17 (0x11), in /boot/initrd.img; 3 bytes differ");
}

TEST(Vary, BlamesNoAxisWhereThePlainBuildDiffersToo) {
  unsigned builds = 0;
  const auto result = Vary(Everything(), false, [&](const AxisSet&) -> Result<Build> {
                        ++builds;
                        return Build{Difference{}, 1, ""};
                      }).value();
  EXPECT_TRUE(result.plain_differs);
  EXPECT_EQ(builds, 2U);
  for (const AxisResult& row : result.axes) EXPECT_EQ(row.state, AxisState::kNotTold);
}

TEST(Vary, KeepsAxesTogetherThatOnlyDifferTogether) {
  const AxisSet pair = {Axis::kPath, Axis::kFolderOrder};
  const auto result = Vary(Everything(), false, [&](const AxisSet& axes) -> Result<Build> {
                        Build build{.difference = {}, .seconds = 1, .failure = {}};
                        if (std::includes(axes.begin(), axes.end(), pair.begin(), pair.end()))
                          build.difference = Difference{1, "x", 1};
                        return build;
                      }).value();
  const AxisResult& row = result.axes[static_cast<size_t>(Axis::kPath)];
  EXPECT_EQ(row.state, AxisState::kDiffers);
  EXPECT_NE(row.note.find("only where varied together"), std::string::npos);
  EXPECT_EQ(StateOf(result, Axis::kUser), AxisState::kSame);
}

TEST(Vary, NeverCountsWhatIsNotPossibleAsSame) {
  auto variations = Everything();
  variations[static_cast<size_t>(Axis::kUser)].not_possible = "needs root";
  FakeBuilds builds;
  const auto result = Vary(variations, false, builds.Function()).value();
  EXPECT_EQ(StateOf(result, Axis::kUser), AxisState::kNotPossible);
  for (const AxisSet& axes : builds.built) EXPECT_FALSE(axes.contains(Axis::kUser));
}

TEST(Vary, RunsEachAxisOnItsOwnWhereAsked) {
  FakeBuilds builds{{Axis::kLocale}, {}};
  const auto result = Vary(Everything(), true, builds.Function()).value();
  EXPECT_EQ(StateOf(result, Axis::kLocale), AxisState::kDiffers);
  EXPECT_EQ(result.builds, AllAxes().size());
  for (const AxisSet& axes : builds.built) EXPECT_LE(axes.size(), 1U);
}

TEST(Vary, BuildsNothingTwice) {
  FakeBuilds builds{{Axis::kFolderOrder}, {}};
  const auto result = Vary({{Axis::kUmask, "022", "077", ""}, {Axis::kFolderOrder, "a", "b", ""}},
                           false, builds.Function())
                          .value();
  EXPECT_EQ(result.axes[0].state, AxisState::kSame);
  EXPECT_EQ(result.axes[1].state, AxisState::kDiffers);
  EXPECT_EQ(result.builds, 4U);  // both, none, each half
}

TEST(Vary, SaysWhichBuildFailed) {
  const auto result =
      Vary({{Axis::kUmask, "022", "077", ""}}, false, [](const AxisSet&) -> Result<Build> {
        return Error{ErrorCode::kUnavailable, "no packages"};
      });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().message, "the build with umask varied: no packages");
}

TEST(Vary, NamesTheAxisThatMakesTheBuildFail) {
  const auto result = Vary(Everything(), false, [](const AxisSet& axes) -> Result<Build> {
                        if (axes.contains(Axis::kDefaultAcl))
                          return Error{ErrorCode::kIo, "exit code 1"};
                        return Build{.difference = {}, .seconds = 1, .failure = {}};
                      }).value();
  for (const AxisInfo& info : AllAxes()) {
    const bool fails = info.axis == Axis::kDefaultAcl;
    EXPECT_EQ(StateOf(result, info.axis), fails ? AxisState::kFails : AxisState::kSame);
  }
  EXPECT_EQ(result.axes[static_cast<size_t>(Axis::kDefaultAcl)].note, "exit code 1");
}

TEST(Vary, FailsWhereTheBuildFailsWithNothingVaried) {
  const auto result = Vary(Everything(), false, [](const AxisSet&) -> Result<Build> {
    return Error{ErrorCode::kIo, "no compiler"};
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the build with nothing varied: no compiler");
}

TEST(Axes, HaveOneNameEach) {
  for (const AxisInfo& info : AllAxes()) {
    EXPECT_EQ(AxisNamed(info.name), info.axis);
    EXPECT_EQ(NameOf(info.axis), info.name);
  }
  EXPECT_EQ(AxisNamed("moon"), std::nullopt);
}

TEST(FirstDifference, FindsTheByteAndCountsAll) {
  EXPECT_EQ(FirstDifference("abc", "abc"), std::nullopt);
  EXPECT_EQ(FirstDifference("abcd", "aXcY").value().offset, 1U);
  EXPECT_EQ(FirstDifference("abcd", "aXcY").value().differing_bytes, 2U);
  EXPECT_EQ(FirstDifference("ab", "abcd").value().offset, 2U);
  EXPECT_EQ(FirstDifference("abcd", "ab").value().differing_bytes, 2U);
  EXPECT_EQ(FirstDifference("", "x").value().where, "a damaged ISO");
}

}  // namespace
}  // namespace lethe::reproduce
