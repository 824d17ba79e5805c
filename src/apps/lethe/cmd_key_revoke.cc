// lethe key revoke: writes the revocation of a key into the policy, for review.
// Exit codes: 0 ok, 1 no such key, or revoked already, 2 usage, 3 the policy would be too weak, 4
// malformed.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/policy_report.h"
#include "base/file.h"
#include "trust/policy_edit.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string fingerprint;
  std::string file = "policy.toml";
  std::string reason;
  bool keep_number = false;
};

std::string PersonOf(const trust::Policy& policy, const std::string& fingerprint) {
  const auto key =
      std::find_if(policy.keys.begin(), policy.keys.end(),
                   [&](const trust::PolicyKey& k) { return k.key.Fingerprint() == fingerprint; });
  LETHE_ASSERT(key != policy.keys.end());
  return key->person;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  if (!trust::IsOneLine(options.reason)) {
    return Error{ErrorCode::kUsage, "--reason: must be one line, of 1 to " +
                                        std::to_string(trust::kMaxTextBytes) + " bytes"};
  }
  const std::string bytes = LETHE_TRY(ReadFile(options.file, trust::kMaxPolicyBytes));
  auto revoked = trust::RevokeKey(
      bytes, {.key = {options.fingerprint, options.reason}, .keep_number = options.keep_number},
      options.file);
  if (!revoked) {
    Error error = std::move(revoked).error();
    if (error.code == ErrorCode::kNotFound)
      error.message += "; see 'lethe key list " + ShellWord(options.file) + "'";
    return error;
  }
  const trust::PolicyEdit edit = std::move(revoked).value();
  LETHE_TRY(WriteFileAtomic(options.file, edit.bytes));
  const std::string person = PersonOf(edit.policy, options.fingerprint);
  if (global.json) {
    PrintJson(json::Object{{"ok", true},
                           {"person", person},
                           {"key", options.fingerprint},
                           {"reason", options.reason},
                           {"policy", options.file},
                           {"number", edit.policy.number}});
    return 0;
  }
  fmt::print("{}: {} revokes {}'s key {}, for review\n", options.file, PolicyName(edit.policy),
             person, options.fingerprint);
  for (const std::string& note : PolicyNotes(edit.policy)) fmt::print("  note: {}\n", note);
  fmt::print("next:\n");
  PrintNextSteps(options.file, edit.policy, !options.keep_number);
  return 0;
}

}  // namespace

Action DeclareKeyRevoke(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("fingerprint", options->fingerprint, "the key: SHA256:… as ssh-keygen -l says it")
      ->required();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  app.add_option("--reason", options->reason, "why, in one line")->required();
  app.add_flag("--keep-number", options->keep_number,
               "the file already holds a change that nobody approved yet: same number");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
