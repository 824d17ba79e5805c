// All services of one manager: their files, and the order in which they start.
#pragma once

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

// In an order in which each comes after those of its `after`. kMalformed: an unknown name in
// `after`, a circle (both name the services), more than kMaxServices. Pure.
Result<std::vector<Service>> InOrder(std::vector<Service> services);

// Reads every `*.toml` of a folder; other files are ignored. kMalformed names file, line and key.
Result<std::vector<Service>> ReadServices(const std::filesystem::path& folder);

}  // namespace lethe::supervise
