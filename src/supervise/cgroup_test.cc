#include "supervise/cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "supervise/spawn_fixture.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

class CgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const auto own = PrepareOwnCgroup();
    ASSERT_TRUE(own) << own.error().message;
    own_ = *own;
  }
  void TearDown() override {
    if (own_.empty()) return;
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    for (const auto& entry : fs::directory_iterator(own_)) {
      if (entry.is_directory()) ::rmdir(entry.path().c_str());
    }
    EXPECT_EQ(::rmdir(own_.c_str()), 0) << own_;
  }

  // A service in the group whose children have left it as far as they can.
  Child SpawnTree(const Cgroup& group) {
    const Service service = ServiceOf(
        {"/bin/sh", "-c",
         "(setsid sh -c '(setsid sleep 1000 &) ; sleep 1000' &) ; sleep 1000 & exec sleep 1000"});
    auto child = Spawn(service, *Sandbox::Prepare(service), {.cgroup_fd = group.fd()});
    EXPECT_TRUE(child) << child.error().message;
    // Five processes are there before as well, while the shells between them have not ended.
    EXPECT_TRUE(Eventually([&] {
      return NamesIn(group) == std::vector<std::string>{"sh", "sleep", "sleep", "sleep", "sleep"};
    }));
    return child ? std::move(*child) : Child{};
  }

  // The programs of a group, sorted.
  static std::vector<std::string> NamesIn(const Cgroup& group) {
    std::vector<std::string> names;
    for (const pid_t pid : *group.Processes()) {
      const auto name = ReadFile("/proc/" + std::to_string(pid) + "/comm");
      if (name) names.emplace_back(Trim(*name));
    }
    std::ranges::sort(names);
    return names;
  }

  fs::path own_;
};

TEST_F(CgroupTest, ChildrenThatLeftTheirParentsAreKilledToo) {
  auto group = Cgroup::Create(own_, "service");
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_TRUE(*group->IsEmpty());
  SpawnTree(*group);
  EXPECT_FALSE(*group->IsEmpty());
  EXPECT_FALSE(group->Remove());
  ASSERT_TRUE(group->KillAll());
  // The event, taken by reading.
  EXPECT_TRUE(Eventually([&] {
    pollfd changed{.fd = group->events_fd(), .events = POLLPRI, .revents = 0};
    ::poll(&changed, 1, 1000);
    return *group->IsEmpty();
  }));
  EXPECT_TRUE(group->Processes()->empty());
  EXPECT_TRUE(group->Remove());
  EXPECT_FALSE(fs::exists(own_ / "service"));
}

TEST_F(CgroupTest, WhatIsLeftIsKilledWithItsGroups) {
  auto group = Cgroup::Create(own_, "service");
  ASSERT_TRUE(group);
  const Child child = SpawnTree(*group);
  ASSERT_EQ(::mkdir((own_ / "service/a").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((own_ / "service/a/b").c_str(), 0755), 0);
  {
    const Fd procs = *OpenFile(own_ / "service/a/b/cgroup.procs", O_WRONLY);
    ASSERT_TRUE(WriteAll(procs.get(), std::to_string(child.pid), "cgroup.procs"));
  }
  EXPECT_EQ(group->Processes()->size(), 5U) << "those below count";
  auto again = Cgroup::Create(own_, "service");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(*again->IsEmpty());
  EXPECT_FALSE(fs::exists(own_ / "service/a"));
  // What starts in it lives.
  const Running running(ServiceOf({"/usr/bin/sleep", "1000"}), {.cgroup_fd = again->fd()});
  pollfd ended{.fd = running.child().pidfd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&ended, 1, 200), 0);
  EXPECT_TRUE(again->KillAll());
  EXPECT_TRUE(Eventually([&] { return *again->IsEmpty(); }));
  EXPECT_TRUE(again->Remove());
}

TEST_F(CgroupTest, ALimitWithoutItsControllerIsUnavailable) {
  auto group = Cgroup::Create(own_, "service");
  ASSERT_TRUE(group);
  EXPECT_TRUE(group->Apply({}));
  const std::string controllers = *ReadFile(own_ / "service/cgroup.controllers");
  const struct {
    Limits limits;
    const char* controller;
    const char* file;
    const char* value;
  } kCases[] = {
      {{.memory_bytes = 64 << 20}, "memory", "memory.max", "67108864\n"},
      {{.tasks = 7, .tasks_written = true}, "pids", "pids.max", "7\n"},
      {{.cpu_percent = 150}, "cpu", "cpu.max", "150000 100000\n"},
  };
  for (const auto& one : kCases) {
    const auto words = Words(controllers);
    const Status applied = group->Apply(one.limits);
    if (Trim(controllers).find(one.controller) != std::string_view::npos) {
      EXPECT_TRUE(applied) << applied.error().message;
      EXPECT_EQ(*ReadFile(own_ / "service" / one.file), one.value);
    } else {
      ASSERT_FALSE(applied) << one.controller;
      EXPECT_EQ(applied.error().code, ErrorCode::kUnavailable);
      EXPECT_EQ(applied.error().message,
                "the control group has no " + std::string(one.file) + ": no such controller");
    }
  }
  EXPECT_TRUE(group->Remove());
}

TEST_F(CgroupTest, WhatManagersThatDiedLeftIsGone) {
  const pid_t manager = ::fork();
  if (manager == 0) {
    const auto own = PrepareOwnCgroup();
    const auto group = own ? Cgroup::Create(*own, "service") : Result<Cgroup>(own.error());
    ::_exit(group ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(manager, &status, 0), manager);
  ASSERT_EQ(status, 0);
  const fs::path left = own_.parent_path() / ("lethe-vpnd-" + std::to_string(manager));
  ASSERT_TRUE(fs::exists(left / "service"));
  ASSERT_TRUE(PrepareOwnCgroup());
  EXPECT_FALSE(fs::exists(left));
}

}  // namespace
}  // namespace lethe::supervise
