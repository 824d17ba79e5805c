// lethe-prober as a fleet runs it: from outside, with credentials of its own.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "wire.h"

namespace lethe::lab {

struct Probed {
  bool ready = false;
  std::string reason;
  double handshake_ms = 0;  // 0 where there was none
};

// Asks all targets at the same time, by credential files (docs/formats/prober.md) that are written
// to `directory`; what it says of each, by name. An error where it says nothing that is read.
Result<std::map<std::string, Probed>> Probe(Machine& machine,
                                            const std::map<std::string, std::string>& targets,
                                            const std::filesystem::path& directory);

}  // namespace lethe::lab
