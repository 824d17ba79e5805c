// The chain of policies: N+1 is approved by the quorum of N, so that who knows one policy can walk
// to the current one (docs/formats/policy.md). Pure: the same code runs wherever a policy is
// trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trust/policy.h"
#include "trust/signer.h"

namespace lethe::trust {

inline constexpr size_t kMaxPolicyChain = 10'000;
inline constexpr size_t kMaxPolicyChainBytes = 64 << 20;  // for who reads one

struct PolicyCandidate {
  std::string name;                     // for messages: "4.toml"
  std::string bytes;                    // of the file
  std::vector<std::string> signatures;  // armoured, over the bytes, for Use::kPolicy
};

struct ProvenPolicy {
  Policy policy;
  std::vector<Signer> approvers;  // people of the policy before
};

// `next` by the rules of `current`. kPolicyRollback unless its number is exactly one more,
// kPolicyWeak where it is refused as such, kTooFewApprovals, or the reason of an approval that
// would have been needed; kMalformed. `at_unix_s` is the bound for the approvers' keys.
Verdict<ProvenPolicy> AcceptNextPolicy(const Policy& current, const PolicyCandidate& next,
                                       int64_t at_unix_s);

struct PolicyStep {
  int64_t number = 0;
  crypto::Sha256Digest sha256;
  std::vector<Signer> approvers;
};

struct PolicyWalk {
  Policy policy;                   // the best that is proven: of the last step, or the first
  std::vector<PolicyStep> steps;   // that were accepted
  std::optional<Refusal> refusal;  // why the walk ended before the last candidate
};

// Accepts one candidate after the other, until the first that is refused.
PolicyWalk WalkPolicies(Policy from, const std::vector<PolicyCandidate>& candidates,
                        int64_t at_unix_s);

}  // namespace lethe::trust
