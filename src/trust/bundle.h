// The release bundle: everything that proves a release, in one file beside the ISO
// (docs/formats/release.md). Who checks brings two things: the policy and the time. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/release.h"
#include "trust/review.h"
#include "trust/signer.h"

namespace lethe::trust {

inline constexpr size_t kMaxBundleBytes = 64 << 20;
inline constexpr std::string_view kBundleMediaType = "application/vnd.lethe.release-bundle+json";

// What the review of the range rests on.
struct BundledReview {
  std::optional<git::ObjectId> base;
  git::ObjectId tip;
  std::vector<std::string> commit_objects;  // raw, parents before children
  std::vector<DsseEnvelope> statements;     // human reviews
};

struct ReleaseBundle {
  std::string statement;               // as ParseReleaseStatement reads it
  std::vector<std::string> approvals;  // armoured SSHSIG over the statement
  BundledReview review;
  std::vector<DsseEnvelope> builders;  // attestations
  std::string log_proof;               // empty: none
};

// kMalformed, with the place, for anything but what WriteBundle writes: one bundle has one
// spelling, so that no byte of it can change unseen. kUntrusted for a review by a type of key that
// no policy takes.
Result<ReleaseBundle> ParseBundle(std::string_view text);

// Canonical JSON, one line and '\n'. Precondition: the statement is UTF-8.
std::string WriteBundle(const ReleaseBundle& bundle);

// Judges the review of a bundle from the raw commits.
using JudgeReview = std::function<Verdict<ReviewVerdict>(const BundledReview&)>;

// A bundle that a policy takes. Nobody but JudgeBundle makes one.
class ProvenRelease {
 public:
  const ReleaseStatement& statement() const { return statement_; }
  const std::vector<Signer>& approvers() const { return approvers_; }  // in the bundle's order
  const ReviewVerdict& review() const { return review_; }

 private:
  friend Verdict<ProvenRelease> JudgeBundle(const Policy& policy, const ReleaseBundle& bundle,
                                            int64_t at_unix_s, const JudgeReview& judge_review);
  ProvenRelease() = default;
  ReleaseStatement statement_;
  std::vector<Signer> approvers_;
  ReviewVerdict review_;
};

// The review, which is of exactly the range and the objects of the bundle (kWrongObject), judged
// again by `judge_review`. What of a bundle can be judged before anybody approves.
Verdict<ReviewVerdict> JudgeBundledReview(const Policy& policy, const ReleaseStatement& statement,
                                          const BundledReview& review, int64_t at_unix_s,
                                          const JudgeReview& judge_review);

// The only author of a range approves no release of it: kOnlyAuthor.
Verdict<void> CheckApprover(const ReviewVerdict& review, const std::string& person);

// One approval of `statement`: a signature that the policy takes (CheckSignature), in the one
// spelling of a bundle, by a person whom CheckApprover takes and who is not among `others`
// (kApprovedTwice).
Verdict<Signer> CheckReleaseApproval(const Policy& policy, std::string_view statement,
                                     const std::string& armoured, const ReviewVerdict& review,
                                     const std::vector<Signer>& others);

// Everything but the ISO (CheckReleasedImage), in this order: the statement's terms; parts that
// the policy asks for and that are not there (kBuildersMissing, kLogMissing), or that are there and
// that nothing here can judge (kUnknownPart); the review (JudgeBundledReview); the approvals, of
// which each must count (CheckReleaseApproval), and of which there must be enough
// (kTooFewApprovals). `at_unix_s` is the bound for the release and for all keys.
Verdict<ProvenRelease> JudgeBundle(const Policy& policy, const ReleaseBundle& bundle,
                                   int64_t at_unix_s, const JudgeReview& judge_review);

}  // namespace lethe::trust
