// lethe policy walk: from a policy that is trusted to the newest one that its people, and those of
// the policies between, approved.
// Exit codes: 0 every policy of the folder is proven, 1 failure, 2 usage, 3 the next one is refused
// (the best proven one is still named), 4 it is malformed.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/approvals.h"
#include "trust/policy_chain.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFolderEntries = 100'000;

struct Options {
  std::string folder;
  std::string from;
  std::string at;
};

struct ChainFiles {
  fs::path policy;
  std::vector<fs::path> signatures;  // sorted by name
};

// "4" of "4.toml" and of "4.toml.alice.sig".
std::optional<int64_t> NumberOf(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == name.npos || !name.substr(dot).starts_with(".toml") || name.starts_with('0'))
    return {};
  return ParseUnsigned<int64_t>(name.substr(0, dot));
}

Result<std::map<int64_t, ChainFiles>> ListChain(const fs::path& folder, int64_t after) {
  std::map<int64_t, ChainFiles> chain;
  std::error_code error;
  size_t entries = 0;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (++entries > kMaxFolderEntries)
      return Error{ErrorCode::kMalformed, folder.string() + ": more than 100000 files"};
    const std::string name = it->path().filename().string();
    const auto number = NumberOf(name);
    std::error_code ignored;  // what cannot be looked at is none: a pipe would never end
    if (!number || *number <= after || !it->is_regular_file(ignored)) continue;
    const std::string policy = std::to_string(*number) + ".toml";
    if (name == policy) chain[*number].policy = it->path();
    if (name.starts_with(policy + ".") && name.ends_with(".sig"))
      chain[*number].signatures.push_back(it->path());
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  std::erase_if(chain, [](const auto& entry) { return entry.second.policy.empty(); });
  for (auto& [number, files] : chain) std::sort(files.signatures.begin(), files.signatures.end());
  return chain;
}

Result<trust::PolicyCandidate> ReadCandidate(const ChainFiles& files) {
  trust::PolicyCandidate candidate{files.policy.string(), {}, {}};
  candidate.bytes = LETHE_TRY(ReadFile(files.policy, trust::kMaxPolicyBytes));
  if (files.signatures.size() > trust::kMaxApprovals)
    return Error{ErrorCode::kMalformed, candidate.name + ": more than 64 signatures"};
  for (const fs::path& signature : files.signatures)
    candidate.signatures.push_back(LETHE_TRY(ReadFile(signature, trust::kMaxSshSignatureBytes)));
  return candidate;
}

struct Chain {
  std::vector<trust::PolicyCandidate> candidates;
  std::optional<trust::Refusal> refusal;  // of the first that could not be read
};

Result<Chain> ReadChain(const fs::path& folder, int64_t after) {
  Chain chain;
  size_t bytes = 0;
  for (const auto& [number, files] : LETHE_TRY(ListChain(folder, after))) {
    auto candidate = ReadCandidate(files);
    if (!candidate && candidate.error().code != ErrorCode::kMalformed)
      return std::move(candidate).error();
    if (candidate) {
      bytes += candidate->bytes.size();
      for (const std::string& signature : candidate->signatures) bytes += signature.size();
    }
    if (candidate && bytes > trust::kMaxPolicyChainBytes)
      candidate = Error{ErrorCode::kMalformed, files.policy.string() + ": a chain of over 64 MiB"};
    if (!candidate) {
      chain.refusal = trust::RefusalFrom(candidate.error(), trust::Reason::kMalformed);
      return chain;
    }
    chain.candidates.push_back(std::move(*candidate));
  }
  return chain;
}

json::Object WalkJson(const trust::PolicyWalk& walk, int64_t from) {
  json::Array steps;
  for (const trust::PolicyStep& step : walk.steps) {
    steps.push_back(json::Object{{"number", step.number},
                                 {"sha256", step.sha256.Hex()},
                                 {"approvals", SignersJson(step.approvers)}});
  }
  return json::Object{{"ok", true},
                      {"from", from},
                      {"number", walk.policy.number},
                      {"sha256", walk.policy.sha256.Hex()},
                      {"steps", std::move(steps)}};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const int64_t at = LETHE_TRY(TimeBound(options.at));
  const trust::Policy from = LETHE_TRY(LoadPolicy(options.from)).policy;
  const int64_t first = from.number;
  const Chain chain = LETHE_TRY(ReadChain(options.folder, first));
  trust::PolicyWalk walk = trust::WalkPolicies(from, chain.candidates, at);
  if (!walk.refusal) walk.refusal = chain.refusal;
  if (!global.json) {
    for (const trust::PolicyStep& step : walk.steps) {
      std::vector<std::string> people;
      for (const trust::Signer& signer : step.approvers) people.push_back(signer.person);
      fmt::print("policy {} approved by {}\n", step.number, JoinNames(people));
    }
    if (walk.steps.empty() && !walk.refusal)
      fmt::print("nothing newer than policy {} in {}\n", first, options.folder);
    fmt::print("{}: {}\n  sha256 {}\n", walk.refusal ? "best proven" : "ok",
               PolicyName(walk.policy), walk.policy.sha256.Hex());
  }
  if (walk.refusal) return ReportRefusal(*walk.refusal, WalkJson(walk, first), global.json);
  if (global.json) PrintJson(WalkJson(walk, first));
  return 0;
}

}  // namespace

Action DeclarePolicyWalk(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("folder", options->folder, "folder with N.toml and N.toml.*.sig")->required();
  app.add_option("--from", options->from, "the policy that is trusted already")->required();
  AddTimeOption(app, options->at);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
