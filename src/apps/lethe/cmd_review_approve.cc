// lethe review approve: signs that a commit was reviewed, after saying what it is.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 the commit is refused or this key may not review it, 4
// malformed, 5 git does not answer.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/review_notes.h"
#include "apps/lethe/ssh_sign.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/human_review.h"
#include "trust/signer.h"
#include "trust/tree_change.h"
#include "trust/tree_sha256.h"

namespace lethe::cli {
namespace {

constexpr size_t kMaxPathsShown = 50;

struct Options {
  std::string commit;
  std::string key;
  std::string policy;
  std::string repository = ".";
  std::string output;
};

struct Reviewed {
  git::ObjectId id;
  git::Commit commit;
  trust::HumanReview statement;
};

Result<Reviewed> ReadReviewed(const Options& options, git::Repository& repository) {
  Reviewed out;
  out.id = LETHE_TRY(repository.Resolve(options.commit));
  const std::string body = LETHE_TRY(repository.Read(out.id, git::ObjectType::kCommit));
  out.commit = LETHE_TRY_IN(git::ParseCommit(body, repository.format()), out.id.Hex());
  out.statement.commit = out.id;
  if (repository.format() == git::ObjectFormat::kSha1)
    out.statement.tree_sha256 = LETHE_TRY(trust::TreeSha256(repository).Of(out.commit.tree));
  return out;
}

// What the person is about to sign for, on stderr.
Status Show(const Reviewed& reviewed, git::Repository& repository, const std::string& author) {
  fmt::print(stderr, "commit {}, signed by {}\n", reviewed.id.Hex(), author);
  for (const std::string_view line : Lines(std::string_view(reviewed.commit.message)))
    fmt::print(stderr, "  | {}\n", Printable(line));
  std::optional<git::ObjectId> before;
  if (!reviewed.commit.parents.empty()) {
    const git::ObjectId& parent = reviewed.commit.parents[0];
    const std::string body = LETHE_TRY(repository.Read(parent, git::ObjectType::kCommit));
    before = LETHE_TRY_IN(git::ParseCommit(body, repository.format()), parent.Hex()).tree;
  }
  const auto changes = trust::ChangedPaths(repository, before, reviewed.commit.tree);
  if (!changes) return changes.error().AsError();
  fmt::print(stderr, "{} changed since its first parent\n", Counted(changes->size(), "path"));
  for (size_t i = 0; i < std::min(changes->size(), kMaxPathsShown); ++i)
    fmt::print(stderr, "  {}\n", Printable((*changes)[i].path));
  if (changes->size() > kMaxPathsShown) fmt::print(stderr, "  …\n");
  return {};
}

// Who signed a commit does not review it; who signed a merge may have written nothing of it.
trust::Verdict<void> CheckReviewer(const Reviewed& reviewed, const std::string& author,
                                   const std::string& person) {
  if (reviewed.commit.parents.size() >= 2 || person != author) return {};
  return trust::Refusal{trust::Reason::kOnePerson,
                        author + " signed the commit, and cannot review it"};
}

trust::Verdict<void> CheckKey(const trust::Policy& policy, const std::string& key,
                              const Reviewed& reviewed, const std::string& author, int64_t now) {
  return CheckReviewer(reviewed, author,
                       LETHE_TRY(PersonOfKey(policy, key, {trust::Use::kReview, now})));
}

trust::Verdict<trust::Signer> CheckSigned(const trust::Policy& policy, const std::string& sig,
                                          const std::string& pae, const Reviewed& reviewed,
                                          const std::string& author, int64_t now) {
  trust::Signer signer =
      LETHE_TRY(trust::CheckSignature(policy, sig, pae, {trust::Use::kReview, now}));
  LETHE_TRY(CheckReviewer(reviewed, author, signer.person));
  return signer;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const trust::Policy policy = LETHE_TRY(LoadPolicy(options.policy)).policy;
  const int64_t now = LETHE_TRY(TimeBound(""));
  const auto repository = LETHE_TRY(git::Repository::Open({.folder = options.repository}));
  const Reviewed reviewed = LETHE_TRY(ReadReviewed(options, *repository));
  if (reviewed.commit.signature.empty()) {
    return ReportRefusal({trust::Reason::kUnsigned, reviewed.id.Hex() + " is not signed"}, {},
                         global.json);
  }
  const auto author = trust::CheckSignature(policy, reviewed.commit.signature,
                                            reviewed.commit.payload, {trust::Use::kCommit, now});
  if (!author) return ReportRefusal(author.error().In(reviewed.id.Hex()), {}, global.json);
  const auto key = CheckKey(policy, options.key, reviewed, author->person, now);
  if (!key) return ReportRefusal(key.error(), {}, global.json);
  LETHE_TRY(Show(reviewed, *repository, author->person));

  trust::DsseEnvelope envelope{
      std::string(trust::kInTotoPayloadType), trust::WriteHumanReview(reviewed.statement), {}};
  const std::string pae = trust::DssePae(envelope.payload_type, envelope.payload);
  const auto signature = LETHE_TRY(SignWithSsh({.key = options.key,
                                                .name_space = policy.Namespace(trust::Use::kReview),
                                                .pin = policy.review.pin},
                                               pae));
  const auto signer = CheckSigned(policy, signature.armoured, pae, reviewed, author->person, now);
  if (!signer) return ReportRefusal(signer.error(), {}, global.json);
  envelope.signatures.push_back({signer->fingerprint, signature.armoured});
  const std::string line = trust::WriteDsse(envelope);
  if (options.output.empty()) {
    LETHE_TRY(
        AddReviewNote(options.repository, {reviewed.id, line, signer->person, policy.domain}));
  } else {
    LETHE_TRY(WriteFileAtomic(options.output, line + "\n"));
  }
  const std::string where = options.output.empty() ? kReviewNotes : options.output;
  if (global.json) {
    PrintJson(json::Object{{"ok", true},
                           {"commit", reviewed.id.Hex()},
                           {"person", signer->person},
                           {"key", signer->fingerprint},
                           {"review", where}});
    return 0;
  }
  fmt::print("{}: {} reviewed by {}\n", where, reviewed.id.Hex(), signer->person);
  return 0;
}

}  // namespace

Action DeclareReviewApprove(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("commit", options->commit, "the commit that you reviewed")->required();
  app.add_option("--key", options->key,
                 "key to sign with: the file that ssh-keygen wrote, or a .pub of ssh-agent")
      ->required();
  app.add_option("--policy", options->policy, "your own copy of the policy")->required();
  app.add_option("--repository", options->repository, "folder of the git repository")
      ->capture_default_str();
  app.add_option("--output", options->output,
                 "file for the review (default: the commit's note in refs/notes/reviews)");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
