#include "apps/lethe/policy_file.h"

#include <fmt/format.h>

#include <chrono>

#include "apps/lethe/command.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/utc.h"
#include "recipe/recipe.h"

namespace lethe::cli {

Result<PolicyFile> LoadPolicy(const std::filesystem::path& file) {
  PolicyFile out;
  out.bytes = LETHE_TRY(ReadFile(file, trust::kMaxPolicyBytes));
  out.policy = LETHE_TRY(trust::ParsePolicy(out.bytes, file.string()));
  return out;
}

Status CheckRecipePolicy(const std::filesystem::path& recipe) {
  const auto file = recipe / recipe::kPolicyFile;
  if (!std::filesystem::exists(std::filesystem::symlink_status(file))) return {};
  (void)LETHE_TRY(LoadPolicy(file.lexically_normal()));
  return {};
}

void AddTimeOption(CLI::App& app, std::string& at) {
  app.add_option("--at", at, "the time that counts, such as 2026-11-25T00:00:00Z (default: now)");
}

Result<int64_t> TimeBound(const std::string& at) {
  if (at.empty()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
  }
  const auto time = ParseUtc(at);
  if (!time) return Error{ErrorCode::kUsage, "--at: " + time.error().message};
  return *time;
}

std::string JoinNames(const std::vector<std::string>& names) { return Join(names, ", "); }

std::string ShellWord(std::string_view word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return std::string(word);
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string PolicyName(const trust::Policy& policy) {
  return fmt::format("policy {} of {}", policy.number, policy.domain);
}

json::Array SignersJson(const std::vector<trust::Signer>& signers) {
  json::Array out;
  for (const trust::Signer& signer : signers)
    out.push_back(json::Object{{"person", signer.person}, {"key", signer.fingerprint}});
  return out;
}

int ReportRefusal(const trust::Refusal& refusal, json::Object more, bool json) {
  const Error error = refusal.AsError();
  fmt::print(stderr, "refused: {} ({})\n", refusal.message, trust::ToString(refusal.reason));
  if (json) {
    more["ok"] = false;
    more["reason"] = trust::ToString(refusal.reason);
    more["message"] = refusal.message;
    PrintJson(more);
  }
  return ExitCode(error.code);
}

}  // namespace lethe::cli
