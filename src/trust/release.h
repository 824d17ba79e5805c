// What people sign when they release an image: an in-toto Statement with the release predicate
// (docs/formats/release.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "git/object.h"
#include "trust/policy.h"

namespace lethe::trust {

inline constexpr size_t kMaxReleaseStatementBytes = 64 << 10;
inline constexpr std::string_view kReleaseType = "https://in-toto.io/attestation/release/v0.2";

// What an ISO is and says about itself.
struct ReleasedImage {
  std::string name;     // IMAGE_ID
  std::string version;  // IMAGE_VERSION
  std::string commit;   // 40 or 64 lower-case hexadecimal digits
  crypto::Sha256Digest iso_sha256;
  uint64_t iso_bytes = 0;
  crypto::Sha256Digest manifest_sha256;
};

struct ReleaseStatement {
  ReleasedImage image;
  // SHA-256 over the commit's tree: exactly where the commit is named by a SHA-1.
  std::optional<crypto::Sha256Digest> tree_sha256;
  std::optional<git::ObjectId> since;  // reviewed up to here before; nothing: from the first commit
  int64_t not_before_unix_s = 0;
  int64_t expires_unix_s = 0;  // not from this second on
  std::string policy_domain;
  int64_t policy_number = 0;
  crypto::Sha256Digest policy_sha256;

  git::ObjectId commit() const { return *git::ObjectId::FromHex(image.commit); }
};

// kMalformed, with the key, for anything but what WriteReleaseStatement writes: one statement has
// one spelling.
Result<ReleaseStatement> ParseReleaseStatement(std::string_view text);

// Canonical JSON, one line, no '\n'.
std::string WriteReleaseStatement(const ReleaseStatement& statement);

// kMalformed where a name or a version has other characters than letters, digits, '.', '_', '-', or
// the commit is none.
Status CheckImageNames(const ReleasedImage& image);

// Made for this policy (kOtherPolicy), for no longer than it allows and not over (kExpired), begun
// (kNotYetValid).
Verdict<void> CheckReleaseTerms(const Policy& policy, const ReleaseStatement& statement,
                                int64_t at_unix_s);

// Whether an ISO is the one that was released: kWrongImage with what differs.
Verdict<void> CheckReleasedImage(const ReleaseStatement& statement, const ReleasedImage& found);

}  // namespace lethe::trust
