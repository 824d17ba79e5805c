// For tests, which end here where a service does not start: services that run ordinary programs of
// /usr in their sandbox, and what /proc tells of them. All of it needs root.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "supervise/spawn.h"

namespace lethe::supervise {

// A service of `user` with this command and nothing else.
Service ServiceOf(CommandLine command, std::string user = "nobody");

// A service that runs until it goes.
class Running {
 public:
  explicit Running(const Service& service, SpawnOptions options = {});
  Running(const Running&) = delete;
  ~Running();

  pid_t pid() const { return child_.pid; }
  const Child& child() const { return child_; }
  // "CapEff" of /proc/<pid>/status, without its colon and spaces.
  std::string status(const std::string& field) const;
  std::string file(const std::string& name) const;

 private:
  Child child_;
};

struct Said {
  int exit_code = -1;
  std::string text;
};

// Runs a service to its end; `text` is what it said on 1 and 2.
Said Run(const Service& service);

// The same with a script of sh.
Said RunScript(Service service, const std::string& script);

// Waits, at most half a minute: some machines are slow.
bool Eventually(const std::function<bool()>& condition);

}  // namespace lethe::supervise
