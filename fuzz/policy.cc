// Policies: who may, differences and exports of whatever is read as one.

#include "trust/policy.h"
#include "base/assert.h"
#include "fuzz.h"
#include "trust/policy_check.h"
#include "trust/policy_diff.h"
#include "trust/policy_export.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lethe;  // NOLINT: short as a script
  const auto policy = trust::ParsePolicy(fuzz::View(data, size), "input");
  if (!policy) {
    LETHE_ASSERT(policy.error().message.starts_with("input"));
    LETHE_ASSERT(policy.error().code == ErrorCode::kMalformed ||
                 policy.error().code == ErrorCode::kUntrusted);
    return 0;
  }
  LETHE_ASSERT(!trust::FindWeakness(*policy));
  for (const trust::Use use : {trust::Use::kRelease, trust::Use::kPolicy})
    LETHE_ASSERT(trust::PeopleWhoMay(*policy, use).size() >= 2);
  LETHE_ASSERT(trust::DiffPolicies(*policy, *policy).empty());
  const std::string signers = trust::WriteAllowedSigners(trust::AllowedSignersOf(*policy));
  LETHE_ASSERT(trust::ParseAllowedSigners(signers, "output").has_value());
  (void)trust::RevocationListOf(*policy);
  (void)trust::TlogPolicyOf(*policy);
  return 0;
}
