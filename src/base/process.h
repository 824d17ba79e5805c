// A long-running child process with an owner: it ends, at the latest, when its owner goes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe {

class ChildProcess {
 public:
  // Starts argv[0] (looked up in PATH) with stdin from /dev/null and both outputs to `log`. The
  // child is killed by the kernel if the calling thread dies. kIo where it cannot be started.
  static Result<ChildProcess> Start(const std::vector<std::string>& argv,
                                    const std::filesystem::path& log);

  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ~ChildProcess() { Stop(std::chrono::milliseconds(2000)); }

  pid_t pid() const { return pid_; }
  // The exit code (128 + signal), once the process has ended.
  std::optional<int> Poll();
  // Waits until the end or the timeout.
  std::optional<int> Wait(std::chrono::milliseconds timeout);
  // SIGTERM, and SIGKILL after the grace period. Nothing happens where it has ended.
  void Stop(std::chrono::milliseconds grace);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace lethe
