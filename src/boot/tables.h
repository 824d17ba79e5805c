// The two text files of the initrd that steer lethe-init (docs/formats/initrd.md). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::boot {

struct SumLine {
  crypto::Sha256Digest digest;
  std::string path;  // absolute
};

// /lethe/SHA256SUMS. kMalformed for anything but lines in order with clean paths, or where init,
// lethe/mounts or lethe/root.erofs is not listed.
Result<std::vector<SumLine>> ParseSums(std::string_view text);

struct MountLine {
  std::string path;  // absolute
  unsigned mode = 0;
  uint64_t size_bytes = 0;
};

// /lethe/mounts. kMalformed for a line of another form or with other options.
Result<std::vector<MountLine>> ParseMounts(std::string_view text);

}  // namespace lethe::boot
