// Whether a policy can work, and only by two people. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "trust/policy.h"

namespace lethe::trust {

// The people with a key for this use that is not revoked. Validity in time does not count.
std::set<std::string> PeopleWhoMay(const Policy& policy, Use use);

struct Weakness {
  std::string table;  // of the file: "release"; empty: the whole
  std::string message;
};
// The first reason why nobody could satisfy the policy, or one person alone could.
std::optional<Weakness> FindWeakness(const Policy& policy);

}  // namespace lethe::trust
