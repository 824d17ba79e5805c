#include "supervise/hooks.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

namespace lethe::supervise {
namespace {

const Service& HookService() {
  static const Service service = [] {
    Service hook;
    hook.name = "hook";
    hook.user = "root";
    hook.task = true;
    hook.sandbox.capabilities = {"net_admin"};
    hook.sandbox.sockets = {SocketKind::kNetlinkNetfilter, SocketKind::kNetlinkRoute};
    return hook;
  }();
  return service;
}

}  // namespace

void HookRun::Run(std::vector<CommandLine> commands, int cgroup_fd,
                  std::function<void(bool)> done) {
  Cancel();
  left_ = std::move(commands);
  std::reverse(left_.begin(), left_.end());
  cgroup_fd_ = cgroup_fd;
  done_ = std::move(done);
  deadline_ = std::chrono::steady_clock::now() + kTimeout;
  Next();
}

void HookRun::Cancel() {
  if (child_.pid > 0) ::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGKILL, nullptr, 0);
  child_ = {};
  left_.clear();
  done_ = nullptr;
  result_.reset();
}

void HookRun::Next() {
  if (left_.empty()) {
    result_ = true;
    return;
  }
  SpawnOptions options{.cgroup_fd = cgroup_fd_, .command = std::move(left_.back())};
  left_.pop_back();
  const auto sandbox = Sandbox::Prepare(HookService());
  auto child = sandbox ? Spawn(HookService(), *sandbox, options) : sandbox.error();
  if (child) {
    child_ = std::move(*child);
  } else {
    result_ = false;
  }
}

bool HookRun::ChildEnded(pid_t pid, bool well) {
  if (child_.pid != pid || pid <= 0) return false;
  child_ = {};
  if (well) {
    Next();
  } else {
    result_ = false;
  }
  return true;
}

std::optional<Time> HookRun::deadline() const {
  if (!done_) return {};
  return result_ ? Time() : deadline_;
}

void HookRun::Tick() {
  if (!done_) return;
  if (!result_ && std::chrono::steady_clock::now() >= deadline_) result_ = false;
  if (result_) Finish(*result_);
}

void HookRun::Finish(bool well) {
  const auto done = std::move(done_);
  Cancel();
  done(well);
}

}  // namespace lethe::supervise
