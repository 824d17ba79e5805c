// Fetches http, https and file addresses, bounded in size and time (libcurl).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace lethe::fetch {

struct Limits {
  uint64_t max_bytes = 256ULL << 20;
  std::chrono::seconds connect_timeout{15};
  // A transfer slower than 1 KiB/s for this long is given up.
  std::chrono::seconds stall_timeout{30};
};

// kNotFound for 404, 410 and missing files; kUnavailable for a server that cannot be reached, stalls
// or answers with another error; kMalformed for more than max_bytes.
Result<std::string> Get(const std::string& url, const Limits& limits = {});

// The same into a new file, which exists only if all of it arrived.
Status Download(const std::string& url, const std::filesystem::path& to, const Limits& limits = {});

}  // namespace lethe::fetch
