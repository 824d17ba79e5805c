// The probe of each protocol, as bytes.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "supervise/probe_run.h"

namespace lethe::supervise {

// A fresh probe. `pid` is the service's program: keys of a WireGuard probe lie in the service's own
// file system.
Result<probe::Exchange> MakeExchange(const Probe& probe, pid_t pid);

}  // namespace lethe::supervise
