// A bundle with its review judged from the commits that it carries. Pure.
#pragma once

#include <cstdint>

#include "trust/bundle.h"

namespace lethe::trust {

// JudgeBundle, with CheckReview for the review: signatures and people are judged again; owners and
// the content of merges need trees, which a bundle does not have.
Verdict<ProvenRelease> VerifyBundle(const Policy& policy, const ReleaseBundle& bundle,
                                    int64_t at_unix_s);

// JudgeBundledReview in that way.
Verdict<ReviewVerdict> VerifyBundledReview(const Policy& policy, const ReleaseStatement& statement,
                                           const BundledReview& review, int64_t at_unix_s);

}  // namespace lethe::trust
