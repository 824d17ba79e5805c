// lethe review check: who signed, reviewed and owns each change of a history, from raw objects.
// Exit codes: 0 everything is accepted, 1 no such repository or commit, 2 usage, 3 refused, 4
// malformed, 5 git does not answer.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/review_notes.h"
#include "base/strings.h"
#include "base/utc.h"
#include "trust/review.h"

namespace lethe::cli {
namespace {

constexpr size_t kShortName = 12;
constexpr size_t kMaxSubject = 60;

struct Options {
  std::string range = "HEAD";
  std::string policy;
  std::string repository = ".";
  std::string at;
  std::string reviews;
};

Result<trust::ReviewRequest> MakeRequest(const Options& options, git::Repository& repository) {
  trust::ReviewRequest request;
  request.at_unix_s = LETHE_TRY(TimeBound(options.at));
  const size_t dots = options.range.find("..");
  const bool has_base = dots != std::string::npos;
  if (has_base) {
    const std::string base = options.range.substr(0, dots);
    if (base.empty() || options.range[dots + 2] == '.') {
      return Error{ErrorCode::kUsage,
                   "range '" + Printable(options.range) + "': give BASE..TIP, or one commit"};
    }
    request.base = LETHE_TRY(repository.Resolve(base));
  }
  const std::string tip = has_base ? options.range.substr(dots + 2) : options.range;
  request.tip = LETHE_TRY(repository.Resolve(tip.empty() ? "HEAD" : tip));
  // A name means what the repository says, and that is what is under check.
  if (request.base == request.tip) {
    return Error{ErrorCode::kConflict, "range '" + Printable(options.range) + "': both ends are " +
                                           request.tip.Hex() + "; nothing was checked"};
  }
  request.statements = LETHE_TRY(ReadReviews(repository, options.reviews));
  return request;
}

// The first line of the message, such that it stays one line of ours. It stands in no quotes, so
// its own may stay.
std::string Subject(const std::string& object, git::ObjectFormat format) {
  const auto commit = git::ParseCommit(object, format);
  if (!commit) return "";
  const std::string_view message = Trim(commit->message);
  constexpr std::string_view kQuote = "\\x27";
  std::string line = Printable(message.substr(0, std::min(message.find('\n'), kMaxSubject)));
  for (size_t at; (at = line.find(kQuote)) != std::string::npos;)
    line.replace(at, kQuote.size(), "'");
  return line;
}

std::string People(const trust::CommitReview& review) {
  std::string who = review.author.empty() ? "signed by nobody known" : "signed by " + review.author;
  if (!review.mainline) return who + ", part of the next";
  if (!review.reviewers.empty()) who += ", reviewed by " + JoinNames(review.reviewers);
  return who;
}

void Print(const trust::ReviewVerdict& verdict, const trust::Policy& policy,
           git::ObjectFormat format) {
  size_t refused = 0;
  for (size_t i = 0; i < verdict.commits.size(); ++i) {
    const trust::CommitReview& review = verdict.commits[i];
    const bool ok = review.refusals.empty();
    refused += ok ? 0 : 1;
    fmt::print("{} {} {}  ({})\n", ok ? "ok     " : "refused",
               review.id.Hex().substr(0, kShortName), Subject(verdict.commit_objects[i], format),
               People(review));
    for (const std::string& owned : review.owned) fmt::print("          {}\n", owned);
    for (const trust::Refusal& refusal : review.refusals)
      fmt::print("          {}: {}\n", trust::ToString(refusal.reason), refusal.message);
  }
  fmt::print("{}: {} of {} accepted by {}, keys as of {}\n  from {}\n  to   {}\n",
             refused == 0 ? "ok" : "refused", verdict.commits.size() - refused,
             Counted(verdict.commits.size(), "commit"), PolicyName(policy),
             FormatUtc(verdict.at_unix_s), verdict.base ? verdict.base->Hex() : "the first commit",
             verdict.tip.Hex());
}

int ExitCodeOf(const trust::ReviewVerdict& verdict) {
  if (verdict.ok()) return 0;
  for (const trust::CommitReview& review : verdict.commits) {
    for (const trust::Refusal& refusal : review.refusals) {
      if (refusal.reason == trust::Reason::kMalformed) return ExitCode(ErrorCode::kMalformed);
    }
  }
  return ExitCode(ErrorCode::kUntrusted);
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const auto repository = LETHE_TRY(git::Repository::Open({.folder = options.repository}));
  const auto request = LETHE_TRY(MakeRequest(options, *repository));
  const auto verdict = trust::CheckReview(policy, *repository, request);
  if ((!verdict || !verdict->ok()) && repository->failure()) return *repository->failure();
  if (!verdict) return ReportRefusal(verdict.error(), {}, global.json);
  if (global.json) {
    PrintJson(trust::ReviewJson(*verdict));
  } else {
    Print(*verdict, policy, repository->format());
  }
  return ExitCodeOf(*verdict);
}

}  // namespace

Action DeclareReviewCheck(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("range", options->range,
                 "BASE..TIP: what came after BASE, which was checked before; or TIP: everything")
      ->capture_default_str();
  app.add_option("--policy", options->policy, "your own copy of the policy that decides")
      ->required();
  app.add_option("--repository", options->repository, "folder of the git repository")
      ->capture_default_str();
  app.add_option("--reviews", options->reviews,
                 "file of reviews, one a line, beside those in refs/notes/reviews");
  AddTimeOption(app, options->at);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
