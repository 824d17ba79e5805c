// lethe release sign: one person's approval of a release. From an ISO it makes the statement that
// the others sign too; a statement is compared with its ISO and its commit before it is signed.
// What could never be bundled is refused before anybody is asked for a touch. Exit codes: 0 ok, 1
// failure, 2 usage, 3 the ISO, the statement, the review of the range or the key is refused, 4
// malformed, 5 git does not answer.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/release_image.h"
#include "apps/lethe/release_review.h"
#include "apps/lethe/ssh_sign.h"
#include "base/file.h"
#include "base/utc.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;
using trust::ReleaseStatement;

struct Options {
  std::string file;
  std::string key;
  std::string policy;
  std::string repository = ".";
  std::string iso;
  std::string reviews;
  std::string since;
  std::string not_before;
  int days = 0;
  std::string output;
};

struct Draft {
  ReleaseStatement statement;
  std::optional<crypto::Sha256Digest> carried_policy;
  fs::path file;
  bool is_new = false;
};

Status CheckUsage(const Options& options, bool is_statement) {
  if (is_statement && !(options.since.empty() && options.not_before.empty() &&
                        options.output.empty() && options.days == 0)) {
    return Error{ErrorCode::kUsage,
                 "--since, --not-before, --days, --output: are for a new statement, made from an "
                 "ISO; this one says what it says"};
  }
  if (!is_statement && !options.iso.empty())
    return Error{ErrorCode::kUsage, "--iso: is for a statement that is there already"};
  return {};
}

Result<Draft> NewDraft(const Options& options, const trust::Policy& policy,
                       git::Repository& repository, int64_t now) {
  const IsoToRelease iso = LETHE_TRY(ReadIsoToRelease(options.file));
  Draft draft{{}, iso.policy_sha256, options.output, true};
  if (draft.file.empty()) draft.file = fs::path(options.file).replace_extension(".release.json");
  if (fs::exists(draft.file)) {
    return Error{ErrorCode::kConflict, draft.file.string() +
                                           ": is there already; name it instead of the ISO to "
                                           "sign the same statement"};
  }
  ReleaseStatement& statement = draft.statement;
  statement.image = iso.image;
  statement.tree_sha256 = LETHE_TRY(TreeDigestOf(repository, statement.commit()));
  if (!options.since.empty())
    statement.since = LETHE_TRY_IN(repository.Resolve(options.since), "--since");
  statement.not_before_unix_s = now;
  if (!options.not_before.empty()) {
    const auto begin = ParseUtc(options.not_before);
    if (!begin) return Error{ErrorCode::kUsage, "--not-before: " + begin.error().message};
    statement.not_before_unix_s = *begin;
  }
  const int days = options.days == 0 ? policy.release.max_age_days : options.days;
  statement.expires_unix_s = statement.not_before_unix_s + days * kSecondsPerDay;
  if (statement.expires_unix_s > kMaxUtcUnixS)
    return Error{ErrorCode::kUsage, "--not-before: would end after the year 9999"};
  statement.policy_domain = policy.domain;
  statement.policy_number = policy.number;
  statement.policy_sha256 = policy.sha256;
  return draft;
}

Result<ReleaseStatement> ReadStatement(const std::string& file) {
  const auto text = ReadFile(file, trust::kMaxReleaseStatementBytes);
  if (!text && text.error().code != ErrorCode::kMalformed) return text.error();
  auto statement = text ? trust::ParseReleaseStatement(*text) : text.error();
  if (statement) return statement;
  return Error{ErrorCode::kMalformed,
               file + ": is neither an ISO nor a release statement: " + statement.error().message};
}

// A statement that somebody else made, against the ISO and the commit.
Result<Draft> ReadDraft(const Options& options, git::Repository& repository) {
  Draft draft{LETHE_TRY(ReadStatement(options.file)), {}, options.file, false};
  const ReleaseStatement& statement = draft.statement;
  const fs::path path =
      options.iso.empty() ? IsoBeside(options.file, statement) : fs::path(options.iso);
  const IsoToRelease iso = LETHE_TRY(ReadIsoToRelease(path));
  draft.carried_policy = iso.policy_sha256;
  const auto same = trust::CheckReleasedImage(statement, iso.image);
  if (!same) return same.error().AsError().In(path.string());
  LETHE_TRY_IN(CheckTree(repository, statement), options.file);
  return draft;
}

void Show(const Draft& draft, const trust::Policy& policy) {
  const ReleaseStatement& statement = draft.statement;
  const auto& image = statement.image;
  fmt::print(stderr, "release of {} {}\n  ISO       {} bytes, sha256 {}\n", image.name,
             image.version, image.iso_bytes, image.iso_sha256.Hex());
  fmt::print(stderr, "  manifest  sha256 {}\n", image.manifest_sha256.Hex());
  fmt::print(stderr, "  source    {}\n", RangeWords(statement));
  fmt::print(stderr, "  holds     {}\n", TermWords(statement));
  fmt::print(stderr, "  policy    {} of {}, sha256 {}\n", statement.policy_number,
             statement.policy_domain, statement.policy_sha256.Hex());
  fmt::print(stderr, "            the image carries {} policy\n",
             !draft.carried_policy                    ? "no"
             : *draft.carried_policy == policy.sha256 ? "this"
                                                      : "ANOTHER");
}

Result<Draft> MakeDraft(const Options& options, const trust::Policy& policy,
                        git::Repository& repository, int64_t now) {
  const FileKind kind = LETHE_TRY(KindOf(options.file));
  if (kind == FileKind::kOther) {
    return Error{ErrorCode::kMalformed,
                 options.file + ": is neither an ISO nor a release statement"};
  }
  LETHE_TRY(CheckUsage(options, kind == FileKind::kJson));
  if (kind == FileKind::kJson) return ReadDraft(options, repository);
  return NewDraft(options, policy, repository, now);
}

// All that the bundle will be refused for but what the other people sign. The person is the key's,
// or empty where only the signature will tell.
Result<trust::Verdict<ReviewedRelease>> JudgeDraft(const ReleaseToReview& release,
                                                   git::Repository& repository,
                                                   const std::string& person) {
  using Judged = trust::Verdict<ReviewedRelease>;
  // Whoever signs today may release tomorrow.
  const auto terms =
      trust::CheckReleaseTerms(release.policy, release.statement,
                               std::max(release.at_unix_s, release.statement.not_before_unix_s));
  if (!terms) return Judged(terms.error());
  auto reviewed = LETHE_TRY(ReviewRelease(repository, release));
  if (!reviewed) return reviewed;
  const auto approver = trust::CheckApprover(reviewed->review, person);
  if (!approver) return Judged(approver.error());
  return reviewed;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const int64_t now = LETHE_TRY(TimeBound(""));
  const auto person = PersonOfKey(policy, options.key, {trust::Use::kRelease, now});
  if (!person) return ReportRefusal(person.error(), {}, global.json);
  const auto repository =
      LETHE_TRY_IN(git::Repository::Open({.folder = options.repository}), "--repository");
  const Draft draft = LETHE_TRY(MakeDraft(options, policy, *repository, now));
  const ReleaseStatement& statement = draft.statement;
  Show(draft, policy);
  const auto reviewed =
      LETHE_TRY(JudgeDraft({policy, statement, options.reviews, now}, *repository, *person));
  if (!reviewed) return ReportRefusal(reviewed.error(), {}, global.json);
  const std::string text = trust::WriteReleaseStatement(statement);
  const auto signature =
      LETHE_TRY(SignWithSsh({.key = options.key,
                             .name_space = policy.Namespace(trust::Use::kRelease),
                             .pin = policy.release.pin},
                            text));
  const auto signer =
      trust::CheckReleaseApproval(policy, text, signature.armoured, reviewed->review, {});
  if (!signer) return ReportRefusal(signer.error(), {}, global.json);
  const std::string output = draft.file.string() + "." + signer->person + ".sig";
  if (draft.is_new) LETHE_TRY(WriteFileAtomic(draft.file, text));
  LETHE_TRY(WriteFileAtomic(output, signature.armoured));
  if (global.json) {
    json::Object out = ReleaseJson(statement);
    out.merge(json::Object{{"ok", true},
                           {"statement", draft.file.string()},
                           {"signature", output},
                           {"person", signer->person},
                           {"key", signer->fingerprint}});
    PrintJson(out);
    return 0;
  }
  fmt::print("{}\n{}: approved by {}\n", draft.file.string(), output, signer->person);
  return 0;
}

}  // namespace

Action DeclareReleaseSign(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("file", options->file,
                 "the ISO, or the statement that the first person made from it")
      ->required();
  app.add_option("--key", options->key,
                 "key to sign with: the file that ssh-keygen wrote, or a .pub of ssh-agent")
      ->required();
  app.add_option("--policy", options->policy, "the policy that releases follow")->required();
  app.add_option("--repository", options->repository, "the repository that has the ISO's commit")
      ->capture_default_str();
  app.add_option("--reviews", options->reviews,
                 "file of reviews, one a line, beside those in refs/notes/reviews");
  app.add_option("--since", options->since,
                 "the last commit that a release was made of: what follows it is reviewed "
                 "(default: everything, from the first commit on)");
  app.add_option("--not-before", options->not_before,
                 "when the release begins, such as 2026-11-25T00:00:00Z (default: now)");
  app.add_option("--days", options->days, "for how long it holds (default: what the policy allows)")
      ->check(CLI::Range(1, trust::kMaxReleaseAgeDays));
  app.add_option("--iso", options->iso,
                 "the ISO of a statement (default: the one beside it, by its name)");
  app.add_option("--output", options->output,
                 "the new statement (default: the ISO's name with .release.json)");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
