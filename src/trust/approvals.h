// Several people behind one text: distinct people, each by a signature that the policy takes. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trust/signer.h"

namespace lethe::trust {

inline constexpr size_t kMaxApprovals = 64;

struct ApprovalRule {
  Use use;
  int needed = 0;          // distinct people
  int64_t at_unix_s = 0;   // the bound for keys
  std::string not_person;  // does not count: the only author; empty: everybody counts
};

// The people behind `message`, in the order of their signatures, each once. A signature that the
// policy refuses does not count; where too few are left, the refusal has the reason of the first
// such one, or kTooFewApprovals. kMalformed for a malformed signature, however many are good.
Verdict<std::vector<Signer>> CheckApprovals(const Policy& policy, std::string_view message,
                                            const std::vector<std::string>& signatures,
                                            const ApprovalRule& rule);

}  // namespace lethe::trust
