// The probe of each protocol, as bytes.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "supervise/probe_run.h"

namespace lethe::supervise {

// A fresh probe. `pid` is the service's program: the WireGuard probe takes the key that it was
// given from that service's scratch folder (docs/formats/wireguard.md).
Result<Exchange> MakeExchange(ProbeKind kind, pid_t pid);

}  // namespace lethe::supervise
