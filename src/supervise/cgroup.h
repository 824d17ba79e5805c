// Control groups (cgroup v2): one per service below the manager's own, with its limits, killed as a
// whole. Kernel documentation: admin-guide/cgroup-v2.rst.
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

class Cgroup {
 public:
  // The group of a service below `parent` (a folder of a cgroup2 mount). One that is left from
  // before is killed and used again.
  static Result<Cgroup> Create(const std::filesystem::path& parent, const std::string& name);

  int fd() const { return folder_.get(); }
  // Becomes readable (EPOLLPRI) when the group becomes empty or is not empty any more.
  int events_fd() const { return events_.get(); }

  // kUnavailable names the controller that the group lacks.
  Status Apply(const Limits& limits);
  // Every process in it, also those that are being made; nothing where it is empty. Kernels since
  // 6.14 kill whatever is then started into it by CLONE_INTO_CGROUP, too: it must be renewed first.
  Status KillAll();
  bool was_killed() const { return was_killed_; }
  Result<bool> IsEmpty() const;
  // Process ids in it and below.
  Result<std::vector<pid_t>> Processes() const;
  // Removes the group, which must be empty.
  Status Remove();

 private:
  std::filesystem::path path_;
  Fd folder_;
  Fd events_;
  bool was_killed_ = false;
};

// The folder below which services get their groups, with every controller that there is. In a unit
// of systemd that is the unit's own (Delegate=yes, DelegateSubgroup=manager: this process is in a
// leaf of it already, and moving there would take some 20 ms); by hand, a fresh one below the
// current.
Result<std::filesystem::path> PrepareOwnCgroup();

}  // namespace lethe::supervise
