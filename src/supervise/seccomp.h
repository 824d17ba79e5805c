// The system call filter of a service (seccomp(2)), compiled ahead of its start.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

// kMalformed names a system call that does not exist.
Result<std::vector<sock_filter>> CompileFilter(const SandboxRules& rules);

}  // namespace lethe::supervise
