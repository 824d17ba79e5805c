// lethe key list: the keys of a policy: whose, of which kind, for what, until when; and what it
// revokes. Exit codes: 0 ok, 1 no such file, 4 malformed.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/utc.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string file = "policy.toml";
};

std::optional<std::string> WhyRevoked(const trust::Policy& policy, std::string_view fingerprint) {
  for (const trust::RevokedKey& key : policy.revoked) {
    if (key.fingerprint == fingerprint) return key.reason;
  }
  return {};
}

std::vector<std::string> UsesOf(const trust::PolicyKey& key) {
  std::vector<std::string> out;
  for (const trust::Use use : key.may) out.emplace_back(trust::ToString(use));
  return out;
}

json::Value TimeJson(const std::optional<int64_t>& time) {
  return time ? json::Value(FormatUtc(*time)) : json::Value();
}

json::Value KeyJson(const trust::Policy& policy, const trust::PolicyKey& key) {
  const auto uses = UsesOf(key);
  const auto revoked = WhyRevoked(policy, key.key.Fingerprint());
  return json::Object{{"person", key.person},
                      {"key", key.key.Fingerprint()},
                      {"type", trust::ToString(key.key.type)},
                      {"application", key.key.application},
                      {"may", json::Array(uses.begin(), uses.end())},
                      {"valid_after", TimeJson(key.valid_after_unix_s)},
                      {"valid_before", TimeJson(key.valid_before_unix_s)},
                      {"revoked", revoked ? json::Value(*revoked) : json::Value()},
                      {"test", key.test}};
}

void PrintKey(const trust::Policy& policy, const trust::PolicyKey& key) {
  const std::string fingerprint = key.key.Fingerprint();
  std::string notes;
  if (key.valid_after_unix_s) notes += "; from " + FormatUtc(*key.valid_after_unix_s);
  if (key.valid_before_unix_s) notes += "; before " + FormatUtc(*key.valid_before_unix_s);
  if (key.test) notes += "; TEST KEY";
  if (const auto reason = WhyRevoked(policy, fingerprint)) notes += "; REVOKED: " + *reason;
  fmt::print("{:<16} {}  {}  {}{}\n", key.person, fingerprint,
             key.key.type == trust::KeyType::kSkEd25519 ? "ed25519-sk" : "ecdsa-sk  ",
             Join(UsesOf(key), ","), notes);
}

// What is revoked and has no [[key]] any more.
void PrintGone(const trust::Policy& policy) {
  for (const trust::RevokedKey& revoked : policy.revoked) {
    if (std::any_of(policy.keys.begin(), policy.keys.end(), [&](const trust::PolicyKey& key) {
          return key.key.Fingerprint() == revoked.fingerprint;
        })) {
      continue;
    }
    fmt::print("{:<16} {}  no [[key]] any more; REVOKED: {}\n", "-", revoked.fingerprint,
               revoked.reason);
  }
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const std::string bytes = LETHE_TRY(ReadFile(options.file, trust::kMaxPolicyBytes));
  const trust::Policy policy = LETHE_TRY(trust::ParsePolicyDraft(bytes, options.file));
  if (global.json) {
    json::Array keys;
    for (const trust::PolicyKey& key : policy.keys) keys.push_back(KeyJson(policy, key));
    json::Array revoked;
    for (const trust::RevokedKey& key : policy.revoked)
      revoked.push_back(json::Object{{"key", key.fingerprint}, {"reason", key.reason}});
    PrintJson(json::Object{
        {"number", policy.number}, {"keys", std::move(keys)}, {"revoked", std::move(revoked)}});
    return 0;
  }
  for (const trust::PolicyKey& key : policy.keys) PrintKey(policy, key);
  PrintGone(policy);
  return 0;
}

}  // namespace

Action DeclareKeyList(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
