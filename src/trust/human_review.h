// What a reviewer signs: an in-toto Statement with the human-review predicate about one commit
// (docs/formats/review.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/sha256.h"
#include "git/object.h"

namespace lethe::trust {

inline constexpr size_t kMaxHumanReviewBytes = 64 << 10;
inline constexpr std::string_view kHumanReviewType =
    "https://in-toto.io/attestation/human-review/v0.1";
inline constexpr std::string_view kReviewPassed = "pass";

struct HumanReview {
  git::ObjectId commit;
  // Over the commit's tree (trust/tree_sha256.h): exactly where the commit is named by a SHA-1.
  std::optional<crypto::Sha256Digest> tree_sha256;
  std::string result = std::string(kReviewPassed);
};

// Canonical JSON, one line, no '\n'.
std::string WriteHumanReview(const HumanReview& review);

// Nothing for a statement of another type. kMalformed, with the key, for what follows neither the
// Statement's format nor the predicate's: not one subject, no "gitCommit", a SHA-1 commit without
// "sha256", no "result". Members that are not known are ignored, as in-toto wants.
Result<std::optional<HumanReview>> ParseHumanReview(std::string_view text);

}  // namespace lethe::trust
