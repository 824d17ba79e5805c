// Fetches http, https and file addresses, bounded in size and time (libcurl). Safe to call from
// several threads, also for the same file.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::fetch {

struct Limits {
  uint64_t max_bytes = 256ULL << 20;  // where no size is expected
  std::chrono::seconds connect_timeout{15};
  // A transfer slower than 1 KiB/s for this long is given up.
  std::chrono::seconds stall_timeout{30};
};

// What a file must be, told by something that is trusted: a signed index, a lock.
struct Expected {
  uint64_t size = 0;
  crypto::Sha256Digest sha256;
};

// True for what Get and Download accept: http://, https:// and file:/.
bool IsAddress(const std::string& url);

// At most five redirects, never to file addresses. Errors: kMalformed for an address of another
// kind and for more than max_bytes; kNotFound for 404, 410 and missing files; kUnavailable for a
// server that cannot be reached, stalls, breaks off or answers with another error. Messages name
// the address without the password in it.
Result<std::string> Get(const std::string& url, const Limits& limits = {});

// The same; kUntrusted for another size or SHA-256 than expected. What exceeds the size is not
// read.
Result<std::string> Get(const std::string& url, const Expected& expected,
                        const Limits& limits = {});

// The same into a file, mode 0644, by way of a temporary name in the same folder: `to` is replaced
// only by all of the expected bytes, and nothing else is left behind. kIo where it cannot be
// written.
Status Download(const std::string& url, const std::filesystem::path& to, const Expected& expected,
                const Limits& limits = {});

}  // namespace lethe::fetch
