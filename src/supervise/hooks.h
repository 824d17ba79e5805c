// Runs the commands of [drain] one after another, in a sandbox of their own: root with net_admin
// alone, for nftables and routes.
#pragma once

#include <functional>
#include <vector>

#include "supervise/machine.h"
#include "supervise/spawn.h"

namespace lethe::supervise {

class HookRun {
 public:
  static constexpr std::chrono::seconds kTimeout{10};  // of all of them together
  // Calls `done` once, with whether each exited with 0; not before this returns. One that runs is
  // ended first, without a call.
  void Run(std::vector<CommandLine> commands, int cgroup_fd, std::function<void(bool)> done);
  void Cancel();
  // Whether the child was one of these.
  bool ChildEnded(pid_t pid, bool well);
  std::optional<Time> deadline() const;
  void Tick();

 private:
  void Next();
  void Finish(bool well);

  std::vector<CommandLine> left_;  // last first
  int cgroup_fd_ = -1;
  std::function<void(bool)> done_;
  Child child_;
  Time deadline_{};
  std::optional<bool> result_;  // to be told at the next Tick
};

}  // namespace lethe::supervise
