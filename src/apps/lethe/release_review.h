// The review that a release rests on, judged before anybody approves: in full from the repository,
// with owners and the content of merges, and then as everybody will judge it from the bundle.
#pragma once

#include <cstdint>
#include <string>

#include "git/repository.h"
#include "trust/bundle_review.h"

namespace lethe::cli {

struct ReleaseToReview {
  const trust::Policy& policy;
  const trust::ReleaseStatement& statement;
  std::string reviews;    // a file of reviews beside those in the notes; empty: none
  int64_t at_unix_s = 0;  // the bound for keys
};

struct ReviewedRelease {
  trust::ReleaseBundle bundle;  // without approvals
  trust::ReviewVerdict review;  // by the bundle's commits
};

// Refused where a commit is, where the range is empty or none, or where its bundle would be; the
// words name the range as `lethe review check` takes it. An error where the repository cannot be
// read, or the bundle would be larger than bundles are (kMalformed).
Result<trust::Verdict<ReviewedRelease>> ReviewRelease(git::Repository& repository,
                                                      const ReleaseToReview& release);

}  // namespace lethe::cli
