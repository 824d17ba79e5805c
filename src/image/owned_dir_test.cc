#include "image/owned_dir.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

class OwnedDirTest : public testing::Test {
 protected:
  // A folder whose owner was killed.
  void Abandon(const std::string& prefix) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto owned = OwnedDir::Create(parent_.path(), prefix);
      if (!owned || !WriteFileAtomic(owned->path() / "half", "half")) ::_exit(1);
      ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(parent_.path()))
      names.push_back(entry.path().filename().string().substr(0, 6));
    std::sort(names.begin(), names.end());
    return names;
  }

  ScratchDir parent_ = ScratchDir::Create(testing::TempDir(), "owned-").value();
};

TEST_F(OwnedDirTest, GoesWithItsOwner) {
  {
    const auto owned = OwnedDir::Create(parent_.path(), "build-");
    ASSERT_TRUE(owned);
    EXPECT_EQ(Names().size(), 1U);
  }
  EXPECT_TRUE(Names().empty());
}

TEST_F(OwnedDirTest, RemovesWhatTheDeadLeftAndNothingElse) {
  Abandon("build-");
  Abandon("build-");
  Abandon("other-");
  const auto living = OwnedDir::Create(parent_.path(), "build-");  // cleans both
  ASSERT_TRUE(living);
  EXPECT_EQ(Names(), (std::vector<std::string>{"build-", "other-"}));
  EXPECT_EQ(FindAbandoned(parent_.path(), "").size(), 1U);
  RemoveAbandoned(parent_.path(), "");
  EXPECT_EQ(Names(), (std::vector<std::string>{"build-"}));
  EXPECT_TRUE(fs::exists(living->path()));
}

TEST_F(OwnedDirTest, SparesWhatIsStillWithoutLockUntilItIsOld) {
  const fs::path young = parent_.path() / "build-young";
  const fs::path old = parent_.path() / "build-old";
  ASSERT_TRUE(MakeDirectories(young));
  ASSERT_TRUE(MakeDirectories(old));
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
  EXPECT_EQ(FindAbandoned(parent_.path(), "build-"), std::vector<fs::path>{old});
}

TEST_F(OwnedDirTest, FollowsNoLinks) {
  const ScratchDir elsewhere = ScratchDir::Create(testing::TempDir(), "elsewhere-").value();
  ASSERT_TRUE(WriteFileAtomic(elsewhere.path() / ".owner", ""));
  fs::create_directory_symlink(elsewhere.path(), parent_.path() / "build-link");
  RemoveAbandoned(parent_.path(), "");
  EXPECT_TRUE(fs::exists(elsewhere.path() / ".owner"));
}

}  // namespace
}  // namespace lethe::image
