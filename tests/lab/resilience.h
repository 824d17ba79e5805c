// Kills what serves the VPN in a booted image, and watches it come back.
#pragma once

#include <string>

#include "base/result.h"
#include "lab.h"

namespace lethe::lab {

// From its next start, lethe-vpnd counts the bytes that services try to say.
Status MeterServices(ProbeClient& probe);

struct ServiceCounts {
  size_t services = 0;
  int64_t discarded_bytes = 0;
  int64_t unsealed = 0;
};
// kMalformed where nothing is metered.
Result<ServiceCounts> CountServices(ProbeClient& probe);

// kill -9, then waits until every service is ready again. A sentence for people; kUnavailable where
// that takes more than a minute, kUntrusted where a process of before still runs.
Result<std::string> KillManager(ProbeClient& probe);
Result<std::string> KillService(ProbeClient& probe, const std::string& service);

}  // namespace lethe::lab
