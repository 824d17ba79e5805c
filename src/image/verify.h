// Checks an ISO against the manifest inside it, or a unified kernel image against a manifest from
// elsewhere: every byte, without mounting, as an ordinary user. Pure: bytes in, findings out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/authenticode.h"
#include "image/manifest.h"

namespace lethe::image {

struct Finding {
  std::string where;  // the file: "/boot/initrd.img", "initrd:/init", "root:/usr/bin/x", "ISO
                      // structure", ".cmdline"
  std::string what;
};

struct VerifyReport {
  Manifest manifest;
  std::vector<Finding> findings;  // empty: every byte is what the manifest says
  size_t iso_files = 0;
  size_t uki_sections = 0;
  size_t initrd_files = 0;
  size_t root_nodes = 0;
  std::optional<crypto::AuthenticodeSigner> signer;  // of a UKI with a good signature
};

struct VerifyOptions {
  std::optional<std::string> manifest;  // an ISO's must equal the embedded one; a UKI needs it
  // Certificate in PEM: a UKI must be signed by it, or by one that chains to it.
  std::optional<std::string> certificate;
  unsigned jobs = 2;
};

// kMalformed where the ISO, its sums or its manifest cannot be read at all; what can be read but is
// not what it should be becomes a finding with the file's name (at most 100).
Result<VerifyReport> VerifyIso(std::string_view iso, const VerifyOptions& options);

// The same for a unified kernel image, signed or not. kUsage without a manifest; kMalformed where
// the image, its signature or the manifest cannot be read at all. A signature that does not cover
// the image is a finding; whose it is counts only with `certificate`.
Result<VerifyReport> VerifyUki(std::string_view uki, const VerifyOptions& options);

}  // namespace lethe::image
