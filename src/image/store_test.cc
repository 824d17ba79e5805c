#include "image/store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/file.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

recipe::NamedFile PackageOf(const std::string& name, const std::string& bytes) {
  recipe::NamedFile package{.name = name + " 1", .file = {}};
  package.file.size = bytes.size();
  package.file.sha256 = crypto::Sha256Of(bytes);
  return package;
}

class StoreTest : public testing::Test {
 protected:
  StepCache Cache(bool reuse = true) {
    StepCache cache = StepCache::Create(store_, reuse).value();
    cache.OnDamage([this](const std::string& what) { warnings_.push_back(what); });
    return cache;
  }
  // Runs a step that writes `text`, and counts how often it is computed.
  StepCache::Outcome Run(StepCache& cache, const std::string& text = "result") {
    const auto outcome = cache.Run("step-1", key_, [&](const fs::path& to) -> Status {
      ++computed_;
      LETHE_TRY(MakeDirectories(to / "sub"));
      return WriteFileAtomic(to / "sub" / "file", text);
    });
    EXPECT_TRUE(outcome) << outcome.error().message;
    return *outcome;
  }
  PackageFetcher FetchOf(std::string bytes) {
    return [this, bytes = std::move(bytes)](const auto&, const fs::path& to) -> Status {
      ++fetched_;
      return WriteFileAtomic(to, bytes);
    };
  }

  ScratchDir scratch_ = ScratchDir::Create(testing::TempDir(), "store-").value();
  Store store_ = Store::Open(scratch_.path() / "store").value();
  crypto::Sha256Digest key_ = crypto::Sha256Of("key");
  std::atomic<int> computed_ = 0;
  std::atomic<int> fetched_ = 0;
  std::vector<std::string> warnings_;
};

TEST_F(StoreTest, ComputesAStepOnce) {
  {
    StepCache cache = Cache();
    EXPECT_FALSE(Run(cache).cached);
    EXPECT_TRUE(Run(cache).cached);
  }
  StepCache later = Cache();
  const auto outcome = Run(later);
  EXPECT_TRUE(outcome.cached);
  EXPECT_EQ(ReadFile(outcome.path / "sub" / "file").value(), "result");
  EXPECT_EQ(computed_, 1);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(StoreTest, ComputesADamagedResultAgain) {
  fs::path file;
  {
    StepCache cache = Cache();
    file = Run(cache).path / "sub" / "file";
  }
  ASSERT_TRUE(WriteFileAtomic(file, "resulT"));
  StepCache cache = Cache();
  EXPECT_FALSE(Run(cache).cached);
  EXPECT_EQ(ReadFile(file).value(), "result");
  EXPECT_EQ(computed_, 2);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find("step-1 is damaged (sub/file has other bytes)"), std::string::npos)
      << warnings_[0];
}

TEST_F(StoreTest, ComputesAResultWithoutSealAgain) {
  ASSERT_TRUE(MakeDirectories(store_.steps() / ("step-1-" + key_.Hex()) / "result"));
  StepCache cache = Cache();
  EXPECT_FALSE(Run(cache).cached);
  EXPECT_EQ(computed_, 1);
  EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(StoreTest, ForgetsFreshResults) {
  fs::path path;
  {
    StepCache cache = Cache(false);
    EXPECT_FALSE(Run(cache).cached);
    path = Run(cache).path;
    EXPECT_TRUE(fs::exists(path / "sub" / "file"));
  }
  EXPECT_EQ(computed_, 1);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(fs::is_empty(store_.steps()));
  EXPECT_TRUE(fs::is_empty(store_.tmp()));
}

TEST_F(StoreTest, LeavesNothingOfAFailedStep) {
  {
    StepCache cache = Cache();
    const auto failed = cache.Run("step-1", key_, [](const fs::path& to) -> Status {
      LETHE_TRY(WriteFileAtomic(to / "half", "half"));
      return Error{ErrorCode::kIo, "no space"};
    });
    ASSERT_FALSE(failed);
    const std::string where = "step step-1 in " + (store_.tmp() / "build-").string();
    EXPECT_TRUE(failed.error().message.starts_with(where)) << failed.error().message;
    EXPECT_TRUE(failed.error().message.ends_with(": no space")) << failed.error().message;
    EXPECT_TRUE(fs::is_empty(store_.steps()));
  }
  EXPECT_TRUE(fs::is_empty(store_.tmp()));
}

TEST_F(StoreTest, RunsStepsFromSeveralThreads) {
  StepCache cache = Cache();
  std::vector<std::thread> threads;
  std::atomic<int> computed = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      const auto key = crypto::Sha256Of(std::to_string(i % 4));
      const auto outcome = cache.Run("step-1", key, [&](const fs::path& to) -> Status {
        ++computed;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return WriteFileAtomic(to / "number", std::to_string(i % 4));
      });
      ASSERT_TRUE(outcome);
      EXPECT_EQ(ReadFile(outcome->path / "number").value(), std::to_string(i % 4));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(computed, 4);
}

TEST_F(StoreTest, TakesTheResultOfABuildThatWasFirst) {
  StepCache first = Cache();
  StepCache second = Cache();
  fs::path path;
  const auto outcome = second.Run("step-1", key_, [&](const fs::path& to) -> Status {
    path = Run(first).path;
    return WriteFileAtomic(to / "other", "other");
  });
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->path, path);
  EXPECT_EQ(ReadFile(outcome->path / "sub" / "file").value(), "result");
}

TEST_F(StoreTest, IsSharedByBuildsAndAloneWithWhoeverRemoves) {
  {
    StepCache one = Cache();
    StepCache two = Cache();
    EXPECT_FALSE(store_.TryUse(LockMode::kExclusive).value());
  }
  const auto alone = store_.TryUse(LockMode::kExclusive).value();
  EXPECT_TRUE(alone);
  EXPECT_FALSE(store_.TryUse(LockMode::kShared).value());
}

TEST_F(StoreTest, FetchesWhatIsMissingAndWhatIsDamaged) {
  const auto package = PackageOf("one", "content");
  const EnsureOptions options{
      .jobs = 2, .progress = {}, .warn = [this](const std::string& w) { warnings_.push_back(w); }};
  ASSERT_TRUE(EnsurePackages(store_, {package}, FetchOf("content"), options));
  ASSERT_TRUE(EnsurePackages(store_, {package}, FetchOf("content"), options));
  EXPECT_EQ(fetched_, 1);
  EXPECT_TRUE(warnings_.empty());
  ASSERT_TRUE(WriteFileAtomic(store_.ObjectPath(package.file.sha256), "contenT"));
  ASSERT_TRUE(EnsurePackages(store_, {package}, FetchOf("content"), options));
  EXPECT_EQ(fetched_, 2);
  EXPECT_EQ(warnings_, std::vector<std::string>{"the store's one 1 was damaged: getting it again"});
  EXPECT_EQ(ReadFile(store_.ObjectPath(package.file.sha256)).value(), "content");
  EXPECT_TRUE(fs::is_empty(store_.tmp()));
}

TEST_F(StoreTest, StoresNothingButTheLockedBytes) {
  const auto package = PackageOf("one", "content");
  const Status wrong = EnsurePackages(store_, {package}, FetchOf("other"), {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kUntrusted);
  EXPECT_FALSE(fs::exists(store_.ObjectPath(package.file.sha256)));
}

TEST_F(StoreTest, NamesAllThatIsGoneAndTheWaysOut) {
  const PackageFetcher nowhere = [](const auto&, const fs::path&) -> Status {
    return Error{ErrorCode::kNotFound, "not found"};
  };
  const Status gone =
      EnsurePackages(store_, {PackageOf("two", "2"), PackageOf("one", "1")}, nowhere, {});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable);
  for (const char* words :
       {"2 pinned packages", "store import", "--peer", "lethe recipe lock", "\n  one 1\n  two 1"}) {
    EXPECT_NE(gone.error().message.find(words), std::string::npos) << gone.error().message;
  }
}

}  // namespace
}  // namespace lethe::image
