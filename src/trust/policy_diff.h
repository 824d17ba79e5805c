// What a change of the policy lets whom do, in plain words. Pure.
#pragma once

#include <string>
#include <vector>

#include "trust/policy.h"

namespace lethe::trust {

struct PolicyChange {
  std::string text;      // "carol can now sign releases"
  bool loosens = false;  // somebody can do more than before, or less is asked for
};

// In a fixed order, most important first: rules, people, keys, machines. Empty: nothing changes but
// the number and the file's bytes.
std::vector<PolicyChange> DiffPolicies(const Policy& older, const Policy& newer);

// "sign releases", "approve policies": what a use is in a sentence.
std::string_view InWords(Use use);

}  // namespace lethe::trust
