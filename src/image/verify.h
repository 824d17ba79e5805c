// Checks an ISO against the manifest inside it: every byte, without mounting, as an ordinary user.
// Pure: bytes in, findings out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/manifest.h"

namespace lethe::image {

struct Finding {
  std::string
      where;  // the file: "/boot/initrd.img", "initrd:/init", "root:/usr/bin/x", "ISO structure"
  std::string what;
};

struct VerifyReport {
  Manifest manifest;
  std::vector<Finding> findings;  // empty: every byte is what the manifest says
  size_t iso_files = 0;
  size_t initrd_files = 0;
  size_t root_nodes = 0;
};

struct VerifyOptions {
  std::optional<std::string> manifest;  // must equal the embedded one
  unsigned jobs = 2;
};

// kMalformed where the ISO, its sums or its manifest cannot be read at all; what can be read but is
// not what it should be becomes a finding with the file's name (at most 100).
Result<VerifyReport> VerifyIso(std::string_view iso, const VerifyOptions& options);

}  // namespace lethe::image
