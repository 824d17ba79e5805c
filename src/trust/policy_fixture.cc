#include "trust/policy_fixture.h"

#include <cstdio>

#include "base/assert.h"

namespace lethe::trust {

std::string FixtureKeyLine(std::string_view name) {
  return SoftwareKey::ForTest(name).public_key().Line();
}

std::string FixturePolicyText() {
  std::string text = R"(format = 1
number = 3
domain = "vpn.example"
people = ["alice", "bob", "carol"]
test_keys = true

[review]
owners_file = "CODEOWNERS"
pin = false

[release]
approvals = 2
pin = true
max_age_days = 14
builders = 0
log = false

[policy]
approvals = 2
pin = true
)";
  for (const char* name : {"alice", "bob", "carol"}) {
    text += "\n[[key]]\nperson = \"" + std::string(name) + "\"\nkey = \"" + FixtureKeyLine(name) +
            "\"\ntest = true\n";
    text += name[0] == 'c' ? "may = [\"commit\", \"review\", \"release\"]\n"
                             "valid_after = \"2026-01-01T00:00:00Z\"\n"
                             "valid_before = \"2027-01-01T00:00:00Z\"\n"
                           : "may = [\"commit\", \"review\", \"release\", \"policy\"]\n";
  }
  return text;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  LETHE_ASSERT(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

Policy MustParsePolicy(std::string_view text) {
  auto policy = ParsePolicy(text, "policy.toml");
  if (!policy) std::fprintf(stderr, "%s\n", policy.error().message.c_str());
  return std::move(policy).value();
}

std::string FixtureSign(std::string_view name, std::string_view message,
                        std::string_view name_space) {
  return SoftwareKey::ForTest(name).SignSsh({message, name_space},
                                            {.flags = kFlagUserPresent | kFlagUserVerified});
}

}  // namespace lethe::trust
