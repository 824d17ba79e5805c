// For tests: a release of the people of trust/policy_fixture.h. alice wrote the one change, bob
// merged it, bob and carol approve.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trust/bundle.h"

namespace lethe::trust {

inline constexpr int64_t kFixtureNow = 1795608000;  // 2026-11-25T12:00:00Z

// A raw commit (SHA-1) signed by `person`. `parents` in hexadecimal digits.
std::string FixtureCommit(std::string_view person, const std::vector<std::string>& parents);
std::string FixtureCommitId(std::string_view body);

// Of 100 bytes; not_before one hour before kFixtureNow, for 14 days.
ReleaseStatement FixtureRelease(const Policy& policy);

// With the statement, approved by those who are named.
ReleaseBundle FixtureBundle(const ReleaseStatement& statement,
                            const std::vector<std::string>& approvers);

// What a review of the fixture's range finds.
ReviewVerdict FixtureReview(const Policy& policy, const BundledReview& review, int64_t at_unix_s);

}  // namespace lethe::trust
