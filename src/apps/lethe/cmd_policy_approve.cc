// lethe policy approve: signs the next policy, after saying what it changes.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 the policy is refused or this key may not approve it, 4
// malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/ssh_sign.h"
#include "base/file.h"
#include "trust/policy_diff.h"
#include "trust/signer.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string file;
  std::string from;
  std::string key;
};

// `named`, else the file of a chain folder with the number before.
Result<PolicyFile> PolicyBefore(const Options& options, const trust::Policy& next) {
  if (!options.from.empty()) return LoadPolicy(options.from);
  const auto beside = std::filesystem::path(options.file).parent_path() /
                      (std::to_string(next.number - 1) + ".toml");
  if (std::filesystem::exists(beside)) return LoadPolicy(beside);
  return Error{ErrorCode::kUsage,
               "--from: name the policy before this one, whose people approve "
               "it (there is no " +
                   beside.string() + ")"};
}

void PrintChanges(const trust::Policy& from, const trust::Policy& to) {
  fmt::print(stderr, "{} follows {}:\n", PolicyName(to), PolicyName(from));
  const auto changes = trust::DiffPolicies(from, to);
  for (const auto& change : changes)
    fmt::print(stderr, "  {} {}\n", change.loosens ? "LOOSER " : "       ", change.text);
  if (changes.empty()) fmt::print(stderr, "  nobody can do anything more or less than before\n");
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const PolicyFile next = LETHE_TRY(LoadPolicy(options.file));
  const trust::Policy before = LETHE_TRY(PolicyBefore(options, next.policy)).policy;
  if (next.policy.number != before.number + 1) {
    return Error{ErrorCode::kUntrusted,
                 fmt::format("{}: has number {}, but the one after {} is wanted", options.file,
                             next.policy.number, before.number)};
  }
  const trust::KeyUse use{trust::Use::kPolicy, LETHE_TRY(TimeBound(""))};
  const auto person = PersonOfKey(before, options.key, use);
  if (!person) return ReportRefusal(person.error(), {}, global.json);
  PrintChanges(before, next.policy);
  const auto signature = LETHE_TRY(SignWithSsh({.key = options.key,
                                                .name_space = before.Namespace(trust::Use::kPolicy),
                                                .pin = before.next.pin},
                                               next.bytes));
  const auto signer = trust::CheckSignature(before, signature.armoured, next.bytes, use);
  if (!signer) return ReportRefusal(signer.error(), {}, global.json);
  const std::string output = options.file + "." + signer->person + ".sig";
  LETHE_TRY(WriteFileAtomic(output, signature.armoured));
  if (global.json) {
    PrintJson(json::Object{{"ok", true},
                           {"number", next.policy.number},
                           {"person", signer->person},
                           {"key", signer->fingerprint},
                           {"signature", output}});
    return 0;
  }
  fmt::print("{}: {} approved by {}\n", output, PolicyName(next.policy), signer->person);
  return 0;
}

}  // namespace

Action DeclarePolicyApprove(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the next policy")->required();
  app.add_option("--key", options->key,
                 "key to sign with: the file that ssh-keygen wrote, or a .pub of ssh-agent")
      ->required();
  app.add_option("--from", options->from,
                 "the policy before it (default: the file of the number before, beside it)");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
