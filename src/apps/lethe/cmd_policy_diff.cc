// lethe policy diff: what a change of the policy lets whom do, in plain words.
// Exit codes: 0 ok (also where something changed), 1 no such file, 3 one of them is weak, 4
// malformed.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "trust/policy_diff.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string older;
  std::string newer;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const PolicyFile older = LETHE_TRY(LoadPolicy(options.older));
  const PolicyFile newer = LETHE_TRY(LoadPolicy(options.newer));
  const auto changes = trust::DiffPolicies(older.policy, newer.policy);
  const bool successor = newer.policy.number == older.policy.number + 1;
  if (global.json) {
    json::Array list;
    for (const auto& change : changes)
      list.push_back(json::Object{{"text", change.text}, {"loosens", change.loosens}});
    PrintJson(json::Object{{"from", older.policy.number},
                           {"to", newer.policy.number},
                           {"successor", successor},
                           {"changes", std::move(list)}});
    return 0;
  }
  fmt::print("{} -> {}\n", PolicyName(older.policy), PolicyName(newer.policy));
  if (!successor)
    fmt::print("  not the next policy: number {} is wanted\n", older.policy.number + 1);
  for (const auto& change : changes)
    fmt::print("  {} {}\n", change.loosens ? "LOOSER " : "       ", change.text);
  if (changes.empty()) fmt::print("  nobody can do anything that they could not do before\n");
  return 0;
}

}  // namespace

Action DeclarePolicyDiff(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("old", options->older, "the policy before")->required();
  app.add_option("new", options->newer, "the policy after")->required();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
