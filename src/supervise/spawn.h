// Starts one service in its sandbox: control group, namespaces, an empty file system with only what
// the service may see, capabilities, limits, system call filter, /dev/null on 0, 1 and 2.
// docs/formats/service.md says what each key means.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

// A service's sandbox, made ready so that a start is a few system calls and no allocation.
class Sandbox {
 public:
  // Looks up the user, compiles the filter. kNotFound: no such user, device, file of `read`;
  // kMalformed: a capability or system call that does not exist.
  static Result<Sandbox> Prepare(const Service& service);
  Sandbox(Sandbox&&) noexcept;
  Sandbox& operator=(Sandbox&&) noexcept;
  ~Sandbox();

  struct Plan;  // sandbox_plan.h
  const Plan& plan() const { return *plan_; }

 private:
  explicit Sandbox(std::unique_ptr<Plan> plan);
  std::unique_ptr<Plan> plan_;
};

struct SpawnOptions {
  int cgroup_fd = -1;  // the folder of the service's control group; -1: the caller's
  int output_fd = -1;  // 1 and 2, of the discard meter; -1: /dev/null
  // The child's descriptors from 3 on, each with the variable that names its number.
  struct Channel {
    int fd;
    std::string variable;
  };
  std::vector<Channel> channels;
  // The program; empty: the service's command. For the commands of [drain].
  std::vector<std::string> command;
};

struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

// Returns when the program runs. kNotFound: no such program; kIo names the step that failed. Not
// for processes with threads: the child borrows this one's memory until its program runs.
Result<Child> Spawn(const Service& service, const Sandbox& sandbox, const SpawnOptions& options);

}  // namespace lethe::supervise
