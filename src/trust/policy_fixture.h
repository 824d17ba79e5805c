// For tests: a policy of three people with keys of the software authenticator, and variations.
#pragma once

#include <string>
#include <string_view>

#include "trust/policy.h"
#include "trust/software_key.h"

namespace lethe::trust {

// alice and bob may do everything; carol may commit, review and release, from 2026-01-01 to
// 2027-01-01. Domain vpn.example; PIN for releases and policies; two approvals each; 14 days.
std::string FixturePolicyText();

// The text with the first `from` replaced. Aborts where it is not there.
std::string Replaced(std::string text, std::string_view from, std::string_view to);

// "alice": SoftwareKey::ForTest("alice").
std::string FixtureKeyLine(std::string_view name);

// Aborts where the text is refused.
Policy MustParsePolicy(std::string_view text);

// A PIN-verified signature of `name`'s key, as ssh-keygen would write it.
std::string FixtureSign(std::string_view name, std::string_view message,
                        std::string_view name_space);

}  // namespace lethe::trust
