#include "image/store_upkeep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/file.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNow = 1'000'000;

class StoreUpkeepTest : public testing::Test {
 protected:
  crypto::Sha256Digest AddObject(const std::string& content) {
    const auto digest = crypto::Sha256Of(content);
    const fs::path path = store_.ObjectPath(digest);
    EXPECT_TRUE(MakeDirectories(path.parent_path()));
    EXPECT_TRUE(WriteFileAtomic(path, content));
    return digest;
  }
  fs::path AddStep(const std::string& step, const std::string& content) {
    StepCache cache = StepCache::Create(store_, true).value();
    const auto outcome = cache.Run(step, crypto::Sha256Of(step), [&](const fs::path& to) {
      return WriteFileAtomic(to / "file", content);
    });
    return outcome->path;
  }
  std::vector<std::string> Names(const std::vector<GcItem>& plan) {
    std::vector<std::string> names;
    for (const GcItem& item : plan)
      names.push_back(item.path.filename().string() + ": " + item.why);
    return names;
  }
  static StoredStep Step(const std::string& name, uint64_t bytes, int64_t age) {
    return {name, bytes, kNow - age, true};
  }

  ScratchDir scratch_ = ScratchDir::Create(testing::TempDir(), "upkeep-").value();
  Store store_ = Store::Open(scratch_.path()).value();
};

TEST_F(StoreUpkeepTest, CountsWhatIsThere) {
  AddObject("one");
  AddStep("step-1", "four");
  ASSERT_TRUE(MakeDirectories(store_.steps() / "old-1-abc"));
  ASSERT_TRUE(WriteFileAtomic(store_.objects() / "ab", "not a folder"));
  const auto inventory = TakeInventory(store_).value();
  ASSERT_EQ(inventory.objects.size(), 1U);
  EXPECT_EQ(inventory.objects[0].bytes, 3U);
  EXPECT_NEAR(static_cast<double>(inventory.objects[0].used_unix_s),
              static_cast<double>(std::time(nullptr)), 60);
  ASSERT_EQ(inventory.steps.size(), 2U);
  EXPECT_FALSE(inventory.steps[0].sealed);
  EXPECT_TRUE(inventory.steps[1].sealed);
  EXPECT_EQ(inventory.steps[1].bytes, 4U);
  EXPECT_EQ(inventory.foreign.size(), 1U);
}

TEST_F(StoreUpkeepTest, KeepsObjectsThatLocksNeedOrThatAreYoung) {
  const auto needed = crypto::Sha256Of("needed");
  const auto old = crypto::Sha256Of("old");
  const auto young = crypto::Sha256Of("young");
  const StoreInventory inventory{
      .objects = {{needed, 1, kNow - 500}, {old, 2, kNow - 101}, {young, 4, kNow - 100}},
      .steps = {},
      .foreign = {},
      .leftovers = {}};
  GcRules rules{.needed = {}, .keep_objects_s = 100, .keep_steps_s = 0, .now_unix_s = kNow};
  EXPECT_TRUE(PlanGc(store_, inventory, rules).empty());  // nobody said what is needed
  rules.needed = {needed};
  const auto plan = PlanGc(store_, inventory, rules);
  ASSERT_EQ(plan.size(), 1U);
  EXPECT_EQ(plan[0].path, store_.ObjectPath(old));
  EXPECT_EQ(plan[0].bytes, 2U);
}

TEST_F(StoreUpkeepTest, DropsTheResultsThatWereUsedLeastRecently) {
  const StoreInventory inventory{.objects = {},
                                 .steps = {Step("a", 10, 5),
                                           Step("b", 10, 1),
                                           Step("c", 10, 99),
                                           Step("d", 5, 50),
                                           {"e", 1, kNow, false}},
                                 .foreign = {},
                                 .leftovers = {}};
  GcRules rules{.needed = {}, .keep_objects_s = 0, .keep_steps_s = 90, .now_unix_s = kNow};
  EXPECT_EQ(Names(PlanGc(store_, inventory, rules)),
            (std::vector<std::string>{"e: has no seal", "c: not used for long"}));
  rules.max_steps_bytes = 19;
  EXPECT_EQ(Names(PlanGc(store_, inventory, rules)),
            (std::vector<std::string>{"e: has no seal", "a: no room", "c: not used for long"}));
  rules.max_steps_bytes = 0;
  EXPECT_EQ(PlanGc(store_, inventory, rules).size(), 5U);
}

TEST_F(StoreUpkeepTest, RemovesWhatItPlanned) {
  const auto digest = AddObject("one");
  const fs::path step = AddStep("step-1", "four");
  const fs::path left = store_.tmp() / "build-x";
  ASSERT_TRUE(MakeDirectories(left));
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(30));
  GcRules rules{.needed = std::set<crypto::Sha256Digest>(),
                .keep_objects_s = -100,
                .keep_steps_s = -100,
                .now_unix_s = std::time(nullptr)};
  const auto plan = PlanGc(store_, TakeInventory(store_).value(), rules);
  EXPECT_EQ(plan.size(), 3U);
  for (const GcItem& item : plan) EXPECT_TRUE(RemoveItem(store_, item));
  EXPECT_FALSE(fs::exists(store_.ObjectPath(digest)));
  EXPECT_FALSE(fs::exists(step.parent_path()));
  EXPECT_TRUE(fs::is_empty(store_.tmp()));
}

TEST_F(StoreUpkeepTest, FindsDamage) {
  const auto digest = AddObject("one");
  AddObject("two");
  const fs::path step = AddStep("step-1", "four");
  AddStep("step-2", "five");
  EXPECT_TRUE(CheckStore(store_, 2, {}).value().damaged.empty());
  ASSERT_TRUE(WriteFileAtomic(store_.ObjectPath(digest), "onE"));
  ASSERT_TRUE(WriteFileAtomic(step / "file", "foUr"));
  const fs::path stray = store_.ObjectPath(digest).parent_path() / "stray";
  ASSERT_TRUE(WriteFileAtomic(stray, ""));
  size_t last = 0;
  const auto check =
      CheckStore(store_, 2, [&](size_t done, size_t total) { last = done == total ? done : 0; });
  EXPECT_EQ(last, 4U);
  EXPECT_EQ(check->objects, 2U);
  EXPECT_EQ(check->steps, 2U);
  std::vector<fs::path> found;
  for (const StoreDamage& damage : check->damaged) found.push_back(damage.path);
  std::vector<fs::path> want = {store_.ObjectPath(digest), stray, step.parent_path()};
  std::sort(want.begin(), want.end());
  EXPECT_EQ(found, want);
}

}  // namespace
}  // namespace lethe::image
