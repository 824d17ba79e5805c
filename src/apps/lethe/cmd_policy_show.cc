// lethe policy show: a policy in words: rules, people, keys, machines.
// Exit codes: 0 ok, 1 no such file, 3 nobody could satisfy it or one person alone could, 4
// malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_report.h"
#include "base/strings.h"
#include "base/utc.h"
#include "trust/policy_diff.h"

namespace lethe::cli {
namespace {

using trust::Policy;

struct Options {
  std::string file = "policy.toml";
};

json::Value TimeJson(const std::optional<int64_t>& unix_s) {
  return unix_s ? json::Value(FormatUtc(*unix_s)) : json::Value();
}

json::Value KeyJson(const trust::PolicyKey& key) {
  json::Array may;
  for (const trust::Use use : key.may) may.push_back(trust::ToString(use));
  return json::Object{{"person", key.person},
                      {"fingerprint", key.key.Fingerprint()},
                      {"key", key.key.Line()},
                      {"may", std::move(may)},
                      {"valid_after", TimeJson(key.valid_after_unix_s)},
                      {"valid_before", TimeJson(key.valid_before_unix_s)},
                      {"test", key.test}};
}

json::Value MachinesJson(const Policy& policy) {
  json::Array builders;
  for (const trust::Builder& builder : policy.builders)
    builders.push_back(json::Object{{"name", builder.name}, {"operator", builder.operator_name}});
  json::Array witnesses;
  for (const trust::NoteKey& witness : policy.witnesses) witnesses.push_back(witness.line);
  return json::Object{{"builders", std::move(builders)},
                      {"log", policy.log ? json::Value(policy.log->line) : json::Value()},
                      {"witnesses", std::move(witnesses)},
                      {"witness_quorum", policy.witness_quorum},
                      {"attestation_roots", policy.attestation_roots_pem.size()}};
}

json::Value PolicyJson(const Policy& policy) {
  json::Array keys;
  for (const trust::PolicyKey& key : policy.keys) keys.push_back(KeyJson(key));
  json::Array revoked;
  for (const trust::RevokedKey& key : policy.revoked)
    revoked.push_back(json::Object{{"fingerprint", key.fingerprint}, {"reason", key.reason}});
  return json::Object{
      {"number", policy.number},
      {"domain", policy.domain},
      {"sha256", policy.sha256.Hex()},
      {"people", json::Array(policy.people.begin(), policy.people.end())},
      {"who", WhoMayJson(policy)},
      {"test_keys", policy.allow_test_keys},
      {"review",
       json::Object{{"owners_file", policy.review.owners_file}, {"pin", policy.review.pin}}},
      {"release", json::Object{{"approvals", policy.release.approvals},
                               {"pin", policy.release.pin},
                               {"max_age_days", policy.release.max_age_days},
                               {"builders", policy.release.builders},
                               {"log", policy.release.log}}},
      {"policy", json::Object{{"approvals", policy.next.approvals}, {"pin", policy.next.pin}}},
      {"keys", std::move(keys)},
      {"revoked", std::move(revoked)},
      {"machines", MachinesJson(policy)}};
}

std::string PinWords(bool pin) { return pin ? "touch and PIN" : "touch"; }

void PrintRules(const Policy& policy) {
  fmt::print("\nrules\n");
  fmt::print("  a change needs    two people, each by {}; owners are named in {}\n",
             PinWords(policy.review.pin), policy.review.owners_file);
  fmt::print("  a release needs   {} people, each by {}; it holds for {} at most\n",
             policy.release.approvals, PinWords(policy.release.pin),
             Counted(policy.release.max_age_days, "day"));
  fmt::print("                    {}{}{}\n", Counted(policy.release.builders, "builder"),
             policy.release.builders == 1 ? "" : " of different operators",
             policy.release.log ? ", an entry in the log" : ", no log");
  fmt::print("  a policy needs    {} people of the one before, each by {}\n", policy.next.approvals,
             PinWords(policy.next.pin));
  if (policy.allow_test_keys) fmt::print("  keys of software are allowed\n");
}

void PrintKey(const trust::PolicyKey& key) {
  std::string may;
  for (const trust::Use use : key.may)
    may += (may.empty() ? "" : ", ") + std::string(trust::ToString(use));
  fmt::print("  {:<17} {} {}{}\n                    may {}", key.person, key.key.Fingerprint(),
             trust::ToString(key.key.type), key.test ? " (test key)" : "", may);
  if (key.valid_after_unix_s) fmt::print("; from {}", FormatUtc(*key.valid_after_unix_s));
  if (key.valid_before_unix_s) fmt::print("; before {}", FormatUtc(*key.valid_before_unix_s));
  fmt::print("\n");
}

void PrintMachines(const Policy& policy) {
  for (const trust::Builder& builder : policy.builders)
    fmt::print("  builder           {} of {}\n", builder.name, builder.operator_name);
  if (policy.log) fmt::print("  log               {}\n", policy.log->line);
  for (const trust::NoteKey& witness : policy.witnesses)
    fmt::print("  witness           {}\n", witness.line);
  if (!policy.witnesses.empty())
    fmt::print("  of the witnesses  {} must have cosigned\n", policy.witness_quorum);
  if (!policy.attestation_roots_pem.empty())
    fmt::print("  attestation       {}\n",
               Counted(policy.attestation_roots_pem.size(), "vendor root"));
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const PolicyFile file = LETHE_TRY(LoadPolicy(options.file));
  const Policy& policy = file.policy;
  if (global.json) {
    PrintJson(PolicyJson(policy));
    return 0;
  }
  fmt::print("{}\n  sha256            {}\n\npeople: {}\n", PolicyName(policy), policy.sha256.Hex(),
             JoinNames(policy.people));
  PrintWhoMay(policy);
  PrintRules(policy);
  fmt::print("\nkeys\n");
  for (const trust::PolicyKey& key : policy.keys) PrintKey(key);
  for (const trust::RevokedKey& key : policy.revoked)
    fmt::print("  revoked           {}: {}\n", key.fingerprint, key.reason);
  if (!policy.builders.empty() || policy.log || !policy.witnesses.empty() ||
      !policy.attestation_roots_pem.empty()) {
    fmt::print("\nmachines and vendors\n");
    PrintMachines(policy);
  }
  return 0;
}

}  // namespace

Action DeclarePolicyShow(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("policy", options->file, "the policy file")->capture_default_str();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
