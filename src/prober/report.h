// What the prober says of its targets: as text, as JSON, and for Prometheus.
#pragma once

#include <string>
#include <vector>

#include "prober/attempt.h"
#include "prober/target.h"

namespace lethe::prober {

struct Probed {
  const Target* target = nullptr;
  Verdict verdict;
};

bool AllReady(const std::vector<Probed>& probed);

// One line per target.
std::string AsText(const std::vector<Probed>& probed);
// docs/formats/prober.md, "JSON".
std::string AsJson(const std::vector<Probed>& probed);
// The text format of Prometheus, version 0.0.4.
std::string AsPrometheus(const std::vector<Probed>& probed);

}  // namespace lethe::prober
