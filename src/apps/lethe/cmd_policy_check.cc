// lethe policy check: is a policy valid, and who can do what by it.
// Exit codes: 0 ok, 1 no such file, 3 nobody could satisfy it or one person alone could, 4
// malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_report.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string file = "policy.toml";
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const PolicyFile file = LETHE_TRY(LoadPolicy(options.file));
  const auto notes = PolicyNotes(file.policy);
  if (global.json) {
    PrintJson(json::Object{{"ok", true},
                           {"number", file.policy.number},
                           {"domain", file.policy.domain},
                           {"sha256", file.policy.sha256.Hex()},
                           {"who", WhoMayJson(file.policy)},
                           {"notes", json::Array(notes.begin(), notes.end())}});
    return 0;
  }
  fmt::print("ok: {}\n", PolicyName(file.policy));
  PrintWhoMay(file.policy);
  for (const std::string& note : notes) fmt::print("  note: {}\n", note);
  return 0;
}

}  // namespace

Action DeclarePolicyCheck(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
