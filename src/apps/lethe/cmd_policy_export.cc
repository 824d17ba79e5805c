// lethe policy export: a policy in the words of ssh-keygen, git and tools of transparency logs.
// Exit codes: 0 ok, 1 failure, 3 the policy is weak, 4 malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "base/file.h"
#include "trust/policy_export.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string file = "policy.toml";
  std::string output;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.file)).policy;
  const std::filesystem::path folder = options.output;
  LETHE_TRY(MakeDirectories(folder));
  LETHE_TRY(WriteFileAtomic(folder / "allowed_signers",
                            trust::WriteAllowedSigners(trust::AllowedSignersOf(policy))));
  LETHE_TRY(WriteFileAtomic(folder / "revoked_keys", trust::RevocationListOf(policy)));
  const auto tlog = trust::TlogPolicyOf(policy);
  const auto tlog_file = folder / "tlog-policy";
  if (tlog) {
    LETHE_TRY(WriteFileAtomic(tlog_file, *tlog));
  } else {
    std::error_code error;
    std::filesystem::remove(tlog_file, error);  // of a policy that had a log
    if (error)
      return Error{ErrorCode::kIo, "removing " + tlog_file.string() + ": " + error.message()};
  }
  if (global.json) {
    PrintJson(
        json::Object{{"allowed_signers", (folder / "allowed_signers").string()},
                     {"revoked_keys", (folder / "revoked_keys").string()},
                     {"tlog_policy", tlog ? json::Value(tlog_file.string()) : json::Value()}});
    return 0;
  }
  fmt::print("{}\n{}\n", (folder / "allowed_signers").string(), (folder / "revoked_keys").string());
  if (tlog) fmt::print("{}\n", tlog_file.string());
  fmt::print(stderr,
             "note: ssh-keygen and git check neither touch nor PIN, nor that people are two\n");
  return 0;
}

}  // namespace

Action DeclarePolicyExport(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  app.add_option("--output", options->output,
                 "folder for allowed_signers, revoked_keys and tlog-policy")
      ->required();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
