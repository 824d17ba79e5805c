// A policy in words.
#pragma once

#include <string>
#include <vector>

#include "apps/lethe/policy_file.h"

namespace lethe::cli {

// {"commit": ["alice", …], …}: the people with a key for each use that is not revoked.
json::Value WhoMayJson(const trust::Policy& policy);
void PrintWhoMay(const trust::Policy& policy);

// The lines behind "next:" about a policy that was just changed, and its number with it where
// `number_raised`: then the policy before is taken to be in force, which no file can tell.
void PrintNextSteps(const std::string& file, const trust::Policy& policy, bool number_raised);

// What is allowed, but worth a second look: test keys, people without a key, a quorum that fails
// when one person is away or is the only author.
std::vector<std::string> PolicyNotes(const trust::Policy& policy);

}  // namespace lethe::cli
