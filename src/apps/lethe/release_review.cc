#include "apps/lethe/release_review.h"

#include "apps/lethe/review_notes.h"

namespace lethe::cli {
namespace {

using trust::BundledReview;
using trust::Reason;
using trust::Refusal;
using trust::Verdict;

Refusal WithHint(Refusal refusal, const trust::ReleaseStatement& statement) {
  refusal.message += "; see 'lethe review check " +
                     (statement.since ? statement.since->Hex() + ".." : std::string()) +
                     statement.image.commit + "'";
  return refusal;
}

// The first refusal of a commit where the review does not hold.
Result<Verdict<BundledReview>> InFull(git::Repository& repository, const ReleaseToReview& release) {
  const trust::ReleaseStatement& statement = release.statement;
  auto verdict =
      trust::CheckReview(release.policy, repository,
                         {.base = statement.since,
                          .tip = statement.commit(),
                          .at_unix_s = release.at_unix_s,
                          .statements = LETHE_TRY(ReadReviews(repository, release.reviews)),
                          .with_trees = true});
  if (!verdict && repository.failure()) return *repository.failure();
  if (!verdict) return Verdict<BundledReview>(WithHint(verdict.error().In("review"), statement));
  if (verdict->commits.empty()) {
    return Verdict<BundledReview>(
        Refusal{Reason::kWrongObject, "review: nothing is new: commit " + statement.image.commit +
                                          " is the one that was reviewed before"});
  }
  for (const trust::CommitReview& commit : verdict->commits) {
    if (commit.refusals.empty()) continue;
    return Verdict<BundledReview>(
        WithHint(commit.refusals.front().In("review: commit " + commit.id.Hex()), statement));
  }
  return Verdict<BundledReview>(BundledReview{verdict->base, verdict->tip,
                                              std::move(verdict->commit_objects),
                                              std::move(verdict->statements)});
}

}  // namespace

Result<Verdict<ReviewedRelease>> ReviewRelease(git::Repository& repository,
                                               const ReleaseToReview& release) {
  auto in_full = LETHE_TRY(InFull(repository, release));
  if (!in_full) return Verdict<ReviewedRelease>(std::move(in_full).error());
  ReviewedRelease out;
  out.bundle.statement = trust::WriteReleaseStatement(release.statement);
  out.bundle.review = std::move(*in_full);
  // As everybody else will read it.
  out.bundle = LETHE_TRY(trust::ParseBundle(trust::WriteBundle(out.bundle)));
  auto review = trust::VerifyBundledReview(release.policy, release.statement, out.bundle.review,
                                           release.at_unix_s);
  if (!review) return Verdict<ReviewedRelease>(WithHint(review.error(), release.statement));
  out.review = std::move(*review);
  return Verdict<ReviewedRelease>(std::move(out));
}

}  // namespace lethe::cli
