// The one loop: sockets, clock and random numbers around the attempts.
#pragma once

#include <vector>

#include "base/result.h"
#include "prober/report.h"

namespace lethe::prober {

// Probes all targets side by side, each until its time is over. kIo where the machine has no random
// numbers.
Result<std::vector<Probed>> ProbeAll(const std::vector<Target>& targets);

}  // namespace lethe::prober
