// lethe release bundle: statement, approvals and the review of the released range in one file. The
// review is computed here, with owners and the content of merges; the finished bundle must verify
// before it is written.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 the review, an approval or the statement is refused, 4
// malformed.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/release_image.h"
#include "apps/lethe/review_notes.h"
#include "base/file.h"
#include "trust/approvals.h"
#include "trust/bundle_review.h"

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
    if (name.starts_with(prefix) && name.ends_with(".sig")) files.push_back(it->path().string());
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<std::string>> ReadApprovals(const Options& options) {
  const auto files =
      options.approvals.empty() ? LETHE_TRY(ApprovalsBeside(options.statement)) : options.approvals;
  if (files.size() > trust::kMaxApprovals)
    return Error{ErrorCode::kMalformed, options.statement + ": more than 64 approvals"};
  std::vector<std::string> out;
  for (const std::string& file : files)
    out.push_back(LETHE_TRY(ReadFile(file, trust::kMaxSshSignatureBytes)));
  return out;
}

// The review in full; the first refusal of a commit where it does not hold.
Result<trust::Verdict<trust::BundledReview>> Review(const Options& options,
                                                    const trust::Policy& policy,
                                                    const trust::ReleaseStatement& statement,
                                                    int64_t at) {
  const auto repository =
      LETHE_TRY_IN(git::Repository::Open({.folder = options.repository}), "--repository");
  LETHE_TRY_IN(CheckTree(*repository, statement), options.statement);
  auto statements = LETHE_TRY(ReadReviewNotes(*repository));
  if (!options.reviews.empty()) {
    auto more = LETHE_TRY(ReadReviewFile(options.reviews));
    std::move(more.begin(), more.end(), std::back_inserter(statements));
  }
  auto verdict = trust::CheckReview(policy, *repository,
                                    {.base = statement.since,
                                     .tip = statement.commit(),
                                     .at_unix_s = at,
                                     .statements = std::move(statements),
                                     .with_trees = true});
  if (!verdict && repository->failure()) return *repository->failure();
  if (!verdict) return trust::Verdict<trust::BundledReview>(std::move(verdict).error());
  for (const trust::CommitReview& commit : verdict->commits) {
    if (commit.refusals.empty()) continue;
    return trust::Verdict<trust::BundledReview>(
        commit.refusals.front().In("review: commit " + commit.id.Hex()));
  }
  return trust::Verdict<trust::BundledReview>(
      trust::BundledReview{verdict->base, verdict->tip, std::move(verdict->commit_objects),
                           std::move(verdict->statements)});
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const int64_t at = LETHE_TRY(TimeBound(options.at));
  trust::ReleaseBundle bundle;
  bundle.statement = LETHE_TRY(ReadFile(options.statement, trust::kMaxReleaseStatementBytes));
  const auto statement =
      LETHE_TRY_IN(trust::ParseReleaseStatement(bundle.statement), options.statement);
  bundle.approvals = LETHE_TRY(ReadApprovals(options));
  auto review = LETHE_TRY(Review(options, policy, statement, at));
  if (!review) return ReportRefusal(review.error(), {}, global.json);
  bundle.review = std::move(*review);
  // As everybody else will read it.
  const std::string text = trust::WriteBundle(bundle);
  bundle = LETHE_TRY(trust::ParseBundle(text));
  const auto proven = trust::VerifyBundle(policy, bundle, at);
  if (!proven) return ReportRefusal(proven.error(), {}, global.json);
  fs::path output = options.output;
  if (output.empty()) output = fs::path(options.statement).replace_extension(".bundle.json");
  LETHE_TRY(WriteFileAtomic(output, text));
  if (global.json) {
    json::Object out = ReleaseJson(statement);
    out.merge(json::Object{{"ok", true},
                           {"bundle", output.string()},
                           {"approvals", SignersJson(proven->approvers())},
                           {"commits", proven->review().commits.size()}});
    PrintJson(out);
    return 0;
  }
  fmt::print("{}: {} {}, {} commits reviewed, {} approvals\n", output.string(),
             statement.image.name, statement.image.version, proven->review().commits.size(),
             proven->approvers().size());
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
