// Names of capabilities(7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace lethe::supervise {

// A bit per capability; kMalformed names one that does not exist.
Result<uint64_t> CapabilityMask(const std::vector<std::string>& names);

}  // namespace lethe::supervise
