#include "trust/policy_chain.h"

#include "trust/approvals.h"

namespace lethe::trust {

Verdict<ProvenPolicy> AcceptNextPolicy(const Policy& current, const PolicyCandidate& next,
                                       int64_t at_unix_s) {
  Policy policy = LETHE_TRY(Judge(ParsePolicy(next.bytes, next.name), Reason::kPolicyWeak));
  if (policy.number != current.number + 1) {
    return Refusal{Reason::kPolicyRollback,
                   next.name + ": has number " + std::to_string(policy.number) +
                       ", but the one after " + std::to_string(current.number) + " is wanted"};
  }
  auto approvers = LETHE_TRY_IN(CheckApprovals(current, next.bytes, next.signatures,
                                               {.use = Use::kPolicy,
                                                .needed = current.next.approvals,
                                                .at_unix_s = at_unix_s,
                                                .not_person = {}}),
                                next.name);
  return ProvenPolicy{std::move(policy), std::move(approvers)};
}

PolicyWalk WalkPolicies(Policy from, const std::vector<PolicyCandidate>& candidates,
                        int64_t at_unix_s) {
  PolicyWalk walk{std::move(from), {}, {}};
  for (const PolicyCandidate& candidate : candidates) {
    if (walk.steps.size() == kMaxPolicyChain) {
      walk.refusal = Refusal{Reason::kMalformed, "a chain of more than 10000 policies"};
      return walk;
    }
    auto next = AcceptNextPolicy(walk.policy, candidate, at_unix_s);
    if (!next) {
      walk.refusal = std::move(next).error();
      return walk;
    }
    walk.policy = std::move(next->policy);
    walk.steps.push_back({walk.policy.number, walk.policy.sha256, std::move(next->approvers)});
  }
  return walk;
}

}  // namespace lethe::trust
