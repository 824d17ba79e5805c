// What the commands about trust share: policies from files, times, words about policies.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "trust/policy.h"
#include "trust/signer.h"

namespace lethe::cli {

struct PolicyFile {
  std::string bytes;
  trust::Policy policy;
};
// kNotFound or kIo as in base/file.h, else as trust::ParsePolicy.
Result<PolicyFile> LoadPolicy(const std::filesystem::path& file);

// Refuses the policy.toml of a recipe folder as LoadPolicy does; fine where there is none.
Status CheckRecipePolicy(const std::filesystem::path& recipe);

// Declares --at. TimeBound reads it: RFC 3339 in UTC, or now where nothing was named; kUsage.
void AddTimeOption(CLI::App& app, std::string& at);
Result<int64_t> TimeBound(const std::string& at);

// "alice, bob"
std::string JoinNames(const std::vector<std::string>& names);

// A word for a command line that people copy: in quotes where the shell would not take it as it is.
std::string ShellWord(std::string_view word);

// "policy 3 of vpn.example"
std::string PolicyName(const trust::Policy& policy);

// {"person", "key"} each.
json::Array SignersJson(const std::vector<trust::Signer>& signers);

// What a command prints and answers for a refusal: {"ok": false, "reason", "message"}; on stderr
// the same as a sentence. Returns the exit code.
int ReportRefusal(const trust::Refusal& refusal, json::Object more, bool json);

}  // namespace lethe::cli
