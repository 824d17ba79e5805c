// A service's sandbox as a list of system calls, made ready before the child exists: between clone
// and exec nothing is looked up and no memory is asked for.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <deque>
#include <string>
#include <vector>

#include "supervise/spawn.h"
#include "supervise/users.h"

namespace lethe::supervise {

// Paths in the new root have no leading '/': the child stands in it. Pointers go into `texts`.
struct BindMount {
  const char* from;  // absolute, in the old root
  const char* to;
  bool writable;  // devices
  bool recursive;
};

struct PathStep {
  enum class Kind { kFolder, kFile, kLink, kScratch } kind;
  const char* path;
  const char* detail;  // of a link: its target; of a scratch folder: mount options
};

struct Sandbox::Plan {
  User user;
  uint64_t capabilities = 0;
  std::vector<sock_filter> filter;
  std::vector<PathStep> steps;   // parents first
  std::vector<BindMount> binds;  // in the order of their paths
  ProcView proc = ProcView::kOwn;
  bool own_network = false;
  uint64_t open_files = 0;
  uint64_t locked_bytes = 0;
  std::deque<std::string> texts;
};

// Where and why the child failed; the parent reads it after the child is gone.
struct ChildFailure {
  const char* step = nullptr;
  const char* detail = nullptr;
  int error = 0;
};

// What the child needs beyond the plan.
struct ChildStart {
  const Sandbox::Plan* plan;
  const char* program;
  char* const* argv;
  char* const* envp;
  const int* descriptors;  // become 0, 1, 2, 3, …; all are above 2 + count
  int descriptor_count;
  ChildFailure* failure;
};

// Runs in the child and does not return: system calls alone, on memory that is there already.
[[noreturn]] void EnterAndExec(const ChildStart& start);

}  // namespace lethe::supervise
