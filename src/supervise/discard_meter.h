// For tests: counts the bytes that a service tries to say on its outputs. They go from a pipe to
// /dev/null by splice(2) and never enter this process's memory.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace lethe::supervise {

class DiscardMeter {
 public:
  static Result<DiscardMeter> Create();

  int child_fd() const { return write_.get(); }  // the service's 1 and 2
  int poll_fd() const { return read_.get(); }    // readable when something was said
  uint64_t inode() const { return inode_; }
  uint64_t bytes() const { return bytes_; }

  // Discards what is there now, in a bounded number of system calls. Call it at most every 10 ms:
  // who floods then waits, and costs this process nothing.
  Status Discard();

 private:
  Fd read_, write_, null_;
  uint64_t inode_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace lethe::supervise
