// Release bundles: one that is read has one spelling, and nothing but the seed's policy and objects
// could make one that is proven.

#include "trust/bundle.h"
#include "base/assert.h"
#include "fuzz.h"

namespace {

using namespace lethe;  // NOLINT: short as a script

// Of the range that is asked for, without a commit that a rule could refuse.
trust::ReviewVerdict Verdict(const trust::Policy& policy, const trust::BundledReview& review,
                             int64_t at_unix_s) {
  trust::ReviewVerdict verdict;
  verdict.base = review.base;
  verdict.tip = review.tip;
  verdict.at_unix_s = at_unix_s;
  verdict.policy_sha256 = policy.sha256.Hex();
  verdict.commits.emplace_back();
  verdict.commits.back().authors = {"nobody"};
  verdict.commit_objects = review.commit_objects;
  verdict.statements = review.statements;
  return verdict;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::View(data, size);
  const auto bundle = trust::ParseBundle(input);
  if (!bundle) {
    LETHE_ASSERT(bundle.error().code == ErrorCode::kMalformed);
    return 0;
  }
  LETHE_ASSERT(trust::WriteBundle(*bundle) == input);
  const auto statement = trust::ParseReleaseStatement(bundle->statement);
  LETHE_ASSERT(statement.has_value());
  // A policy without people, which the statement is made for: no approval can count.
  trust::Policy policy;
  policy.domain = statement->policy_domain;
  policy.number = statement->policy_number;
  policy.sha256 = statement->policy_sha256;
  policy.release.approvals = 2;
  policy.release.max_age_days = trust::kMaxReleaseAgeDays;
  const int64_t at = statement->not_before_unix_s;
  const auto proven =
      trust::JudgeBundle(policy, *bundle, at, [&](const trust::BundledReview& review) {
        return trust::Verdict<trust::ReviewVerdict>(Verdict(policy, review, at));
      });
  LETHE_ASSERT(!proven.has_value());
  return 0;
}
