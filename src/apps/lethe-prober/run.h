// The one loop: sockets, clock and random numbers around the attempts.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "prober/inner.h"
#include "prober/report.h"

namespace lethe::prober {

// The machine's random numbers and clock.
World TheWorld();

struct Job {
  std::unique_ptr<Attempt> attempt;
  IpAddress address;
  Time timeout{0};
};
// Runs all of them side by side until each has its verdict and has left; verdicts in their order.
std::vector<Verdict> RunAll(std::vector<Job> jobs);

// Probes all targets side by side, each until its time is over. kIo where the machine has no random
// numbers.
Result<std::vector<Probed>> ProbeAll(const std::vector<Target>& targets);

}  // namespace lethe::prober
