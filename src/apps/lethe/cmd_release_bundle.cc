// lethe release bundle: statement, approvals and the review of the released range in one file. The
// review is computed here, with owners and the content of merges; the finished bundle must verify
// before it is written. Approvals that are named must count; of those that lie beside the statement
// the others are left out.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 the review, an approval or the statement is refused, 4
// malformed, 5 git does not answer.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/release_image.h"
#include "apps/lethe/release_review.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/approvals.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFolderEntries = 100'000;

struct Options {
  std::string statement;
  std::string policy;
  std::string repository = ".";
  std::vector<std::string> approvals;
  std::string reviews;
  std::string at;
  std::string output;
};

// STATEMENT.*.sig beside the statement, by name.
Result<std::vector<std::string>> ApprovalsBeside(const fs::path& statement) {
  std::vector<std::string> files;
  const std::string prefix = statement.filename().string() + ".";
  const fs::path folder = statement.has_parent_path() ? statement.parent_path() : fs::path(".");
  std::error_code error;
  size_t entries = 0;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (++entries > kMaxFolderEntries)
      return Error{ErrorCode::kMalformed, folder.string() + ": more than 100000 files"};
    const std::string name = it->path().filename().string();
    std::error_code ignored;  // what cannot be looked at is none: a pipe would never end
    if (name.starts_with(prefix) && name.ends_with(".sig") && it->is_regular_file(ignored))
      files.push_back(it->path().string());
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

struct Approvals {
  std::vector<std::string> armoured;
  std::vector<trust::Signer> people;
  std::vector<trust::Refusal> left_out;  // each names its file
};

trust::Verdict<trust::Signer> CheckFile(const trust::Policy& policy, const ReviewedRelease& release,
                                        const std::string& armoured, const Approvals& others) {
  return trust::CheckReleaseApproval(policy, release.bundle.statement, armoured, release.review,
                                     others.people);
}

Result<trust::Verdict<Approvals>> ReadApprovals(const Options& options, const trust::Policy& policy,
                                                const ReviewedRelease& release) {
  const bool named = !options.approvals.empty();
  const auto files = named ? options.approvals : LETHE_TRY(ApprovalsBeside(options.statement));
  if (files.size() > trust::kMaxApprovals)
    return Error{ErrorCode::kMalformed, options.statement + ": more than 64 approvals"};
  Approvals out;
  for (const std::string& file : files) {
    auto armoured = ReadFile(file, trust::kMaxSshSignatureBytes);
    if (!armoured && (named || armoured.error().code != ErrorCode::kMalformed))
      return armoured.error();
    auto signer = armoured ? CheckFile(policy, release, *armoured, out)
                           : trust::RefusalFrom(armoured.error(), trust::Reason::kMalformed);
    if (signer) {
      out.armoured.push_back(std::move(*armoured));
      out.people.push_back(std::move(*signer));
    } else if (named) {
      return trust::Verdict<Approvals>(signer.error().In(file));
    } else {
      out.left_out.push_back(signer.error().In(file));
    }
  }
  return trust::Verdict<Approvals>(std::move(out));
}

// The review of the release's range, for its terms and with the tree that it names.
Result<trust::Verdict<ReviewedRelease>> Review(const Options& options, const trust::Policy& policy,
                                               const trust::ReleaseStatement& statement,
                                               int64_t at) {
  const auto terms = trust::CheckReleaseTerms(policy, statement, at);
  if (!terms) return trust::Verdict<ReviewedRelease>(terms.error());
  const auto repository =
      LETHE_TRY_IN(git::Repository::Open({.folder = options.repository}), "--repository");
  LETHE_TRY_IN(CheckTree(*repository, statement), options.statement);
  return ReviewRelease(*repository, {policy, statement, options.reviews, at});
}

void PrintLeftOut(const std::vector<trust::Refusal>& left_out) {
  for (const trust::Refusal& refusal : left_out)
    fmt::print(stderr, "left out: {} ({})\n", refusal.message, trust::ToString(refusal.reason));
}

json::Array LeftOutJson(const std::vector<trust::Refusal>& left_out) {
  json::Array out;
  for (const trust::Refusal& refusal : left_out) {
    out.push_back(
        json::Object{{"reason", trust::ToString(refusal.reason)}, {"message", refusal.message}});
  }
  return out;
}

// Where too few are left: which files do not count, and why.
trust::Refusal WithFiles(trust::Refusal refusal, const std::vector<trust::Refusal>& left_out) {
  if (refusal.reason != trust::Reason::kTooFewApprovals) return refusal;
  for (size_t i = 0; i < left_out.size(); ++i)
    refusal.message += (i == 0 ? "; left out: " : ", ") + left_out[i].message;
  return refusal;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const int64_t at = LETHE_TRY(TimeBound(options.at));
  const auto statement = LETHE_TRY_IN(trust::ParseReleaseStatement(LETHE_TRY(ReadFile(
                                          options.statement, trust::kMaxReleaseStatementBytes))),
                                      options.statement);
  auto reviewed = LETHE_TRY(Review(options, policy, statement, at));
  if (!reviewed) return ReportRefusal(reviewed.error(), {}, global.json);
  auto approvals = LETHE_TRY(ReadApprovals(options, policy, *reviewed));
  if (!approvals) return ReportRefusal(approvals.error(), {}, global.json);
  PrintLeftOut(approvals->left_out);
  reviewed->bundle.approvals = std::move(approvals->armoured);
  // As everybody else will read it.
  const std::string text = trust::WriteBundle(reviewed->bundle);
  const auto proven = trust::VerifyBundle(policy, LETHE_TRY(trust::ParseBundle(text)), at);
  if (!proven)
    return ReportRefusal(WithFiles(proven.error(), approvals->left_out), {}, global.json);
  fs::path output = options.output;
  if (output.empty()) output = fs::path(options.statement).replace_extension(".bundle.json");
  LETHE_TRY(WriteFileAtomic(output, text));
  if (global.json) {
    json::Object out = ReleaseJson(statement);
    out.merge(json::Object{{"ok", true},
                           {"bundle", output.string()},
                           {"approvals", SignersJson(proven->approvers())},
                           {"left_out", LeftOutJson(approvals->left_out)},
                           {"commits", proven->review().commits.size()}});
    PrintJson(out);
    return 0;
  }
  fmt::print("{}: {} {}, {} reviewed, {}\n", output.string(), statement.image.name,
             statement.image.version, Counted(proven->review().commits.size(), "commit"),
             Counted(proven->approvers().size(), "approval"));
  return 0;
}

}  // namespace

Action DeclareReleaseBundle(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("statement", options->statement, "what was signed, of 'lethe release sign'")
      ->required();
  app.add_option("--policy", options->policy, "the policy that releases follow")->required();
  app.add_option("--repository", options->repository, "the repository that has the commits")
      ->capture_default_str();
  app.add_option("--approval", options->approvals,
                 "a signature over the statement (default: STATEMENT.*.sig beside it)");
  app.add_option("--reviews", options->reviews,
                 "file of reviews, one a line, beside those in refs/notes/reviews");
  AddTimeOption(app, options->at);
  app.add_option("--output", options->output,
                 "the bundle (default: the statement's name with .bundle.json)");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
