// lethe release verify: whether an ISO may be used. Needs the bundle, the ISO, the policy and the
// time; no network, no repository. The ISO is read once.
// Exit codes: 0 it may, 1 failure, 2 usage, 3 refused, 4 malformed, 5 unavailable.

#include <fmt/format.h>

#include <future>

#include "apps/lethe/command.h"
#include "apps/lethe/release_image.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/utc.h"
#include "trust/bundle_review.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string bundle;
  std::string iso;
  std::string policy;
  std::string at;
  std::string extract;
};

struct Check {
  const char* name;
  std::string evidence;
};

// The parts, as other tools take them.
Status Extract(const trust::ReleaseBundle& bundle, const fs::path& folder) {
  LETHE_TRY(MakeDirectories(folder));
  LETHE_TRY(WriteFileAtomic(folder / "statement.json", bundle.statement));
  for (size_t i = 0; i < bundle.approvals.size(); ++i) {
    LETHE_TRY(WriteFileAtomic(folder / fmt::format("approval.{}.sig", i + 1), bundle.approvals[i]));
  }
  const auto& commits = bundle.review.commit_objects;
  for (size_t i = 0; i < commits.size(); ++i)
    LETHE_TRY(WriteFileAtomic(folder / fmt::format("commit.{}", i + 1), commits[i]));
  const auto& statements = bundle.review.statements;
  for (size_t i = 0; i < statements.size(); ++i) {
    LETHE_TRY(WriteFileAtomic(folder / fmt::format("review.{}.dsse.json", i + 1),
                              trust::WriteDsse(statements[i])));
  }
  return {};
}

// What is mixed up most easily has words of its own.
Result<trust::ReleaseBundle> ReadBundle(const std::string& file) {
  if (LETHE_TRY(KindOf(file)) != FileKind::kJson) {
    return Error{ErrorCode::kMalformed, file + ": is no release bundle; the order is BUNDLE ISO"};
  }
  const std::string text = LETHE_TRY(ReadFile(file, trust::kMaxBundleBytes));
  auto bundle = trust::ParseBundle(text);
  if (!bundle && trust::ParseReleaseStatement(text)) {
    return Error{ErrorCode::kMalformed,
                 file + ": is a release statement, not a bundle: 'lethe release bundle' makes one"};
  }
  return LETHE_TRY_IN(std::move(bundle), file);
}

std::string ApproverWords(const trust::ProvenRelease& proven) {
  std::string out;
  for (const trust::Signer& signer : proven.approvers())
    out += (out.empty() ? "" : ", ") + signer.person + " with " + signer.fingerprint;
  return out;
}

std::vector<Check> ChecksOf(const trust::ProvenRelease& proven, const trust::Policy& policy,
                            int64_t at) {
  const auto& statement = proven.statement();
  const auto& image = statement.image;
  return {{"policy",
           fmt::format("{} of {}, sha256 {}", policy.number, policy.domain, policy.sha256.Hex())},
          {"time", fmt::format("{} is in {}", FormatUtc(at), TermWords(statement))},
          {"review",
           fmt::format("{}: {}, each signed with touch, two people behind each change; owners and "
                       "what merges decide: by the word of the approvals",
                       RangeWords(statement), Counted(proven.review().commits.size(), "commit"))},
          {"approvals", fmt::format("{} of {} needed, by touch{}: {}", proven.approvers().size(),
                                    policy.release.approvals, policy.release.pin ? " and PIN" : "",
                                    ApproverWords(proven))},
          {"builders", "the policy asks for none"},
          {"log", "the policy asks for no entry"},
          {"iso", fmt::format("{} bytes, sha256 {}; manifest sha256 {}", image.iso_bytes,
                              image.iso_sha256.Hex(), image.manifest_sha256.Hex())}};
}

void Print(const trust::ProvenRelease& proven, const std::vector<Check>& checks) {
  const auto& statement = proven.statement();
  fmt::print("ok: {} {} may be used until {}\n", statement.image.name, statement.image.version,
             FormatUtc(statement.expires_unix_s));
  for (const Check& check : checks) fmt::print("  {:<10} {}\n", check.name, check.evidence);
}

json::Object ReportJson(const trust::ProvenRelease& proven, const std::vector<Check>& checks) {
  json::Object out = ReleaseJson(proven.statement());
  json::Array list;
  for (const Check& check : checks)
    list.push_back(json::Object{{"check", check.name}, {"evidence", check.evidence}});
  out["ok"] = true;
  out["approvals"] = SignersJson(proven.approvers());
  out["commits"] = proven.review().commits.size();
  out["checks"] = std::move(list);
  return out;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const int64_t at = LETHE_TRY(TimeBound(options.at));
  const auto bundle = LETHE_TRY(ReadBundle(options.bundle));
  if (!options.extract.empty()) LETHE_TRY(Extract(bundle, options.extract));
  // Reading the ISO takes longest, and needs nothing but the size that is claimed.
  const auto claimed = LETHE_TRY(trust::ParseReleaseStatement(bundle.statement));
  auto digest = std::async(
      std::launch::async, [&] { return crypto::DigestFile(options.iso, claimed.image.iso_bytes); });
  const auto proven = trust::VerifyBundle(policy, bundle, at);
  if (!proven) return ReportRefusal(proven.error().In(options.bundle), {}, global.json);
  if (const auto refusal =
          LETHE_TRY(CheckIso(options.iso, LETHE_TRY(digest.get()), proven->statement())))
    return ReportRefusal(*refusal, {}, global.json);
  const auto checks = ChecksOf(*proven, policy, at);
  if (global.json) {
    PrintJson(ReportJson(*proven, checks));
  } else {
    Print(*proven, checks);
  }
  return 0;
}

}  // namespace

Action DeclareReleaseVerify(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("bundle", options->bundle, "what proves the release")->required();
  app.add_option("iso", options->iso, "the ISO")->required();
  app.add_option("--policy", options->policy,
                 "your own policy: never one that came with the bundle")
      ->required();
  AddTimeOption(app, options->at);
  app.add_option("--extract", options->extract,
                 "folder for the bundle's parts, for ssh-keygen and git");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
