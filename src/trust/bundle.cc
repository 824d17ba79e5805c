#include "trust/bundle.h"

#include <algorithm>

#include "base/base64.h"
#include "base/strings.h"
#include "trust/approvals.h"

namespace lethe::trust {
namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kMaxDepth = 8;
constexpr size_t kMaxBuilders = 100;
constexpr size_t kMaxLogProofBytes = 64 << 10;

Error Bad(std::string_view key, std::string_view what) {
  return {ErrorCode::kMalformed, "key '" + std::string(key) + "': " + std::string(what)};
}

std::string Place(std::string_view key, size_t index) {
  return std::string(key) + "[" + std::to_string(index) + "]";
}

Result<std::string> StringOf(const json::Value& object, std::string_view key) {
  const json::Value* value = object.Find(key);
  if (value == nullptr || value->AsString() == nullptr) return Bad(key, "must be a string");
  return *value->AsString();
}

Result<const json::Array*> ArrayOf(const json::Value& object, std::string_view key, size_t most) {
  const json::Value* value = object.Find(key);
  if (value == nullptr || value->AsArray() == nullptr || value->AsArray()->size() > most)
    return Bad(key, "must be an array of at most " + std::to_string(most));
  return value->AsArray();
}

// `key` as a list of strings, each through `read`.
template <typename Read>
Result<std::vector<std::string>> StringsOf(const json::Value& object, std::string_view key,
                                           size_t most, const Read& read) {
  std::vector<std::string> out;
  for (const json::Value& entry : *LETHE_TRY(ArrayOf(object, key, most))) {
    const std::string where = Place(key, out.size());
    if (entry.AsString() == nullptr) return Bad(where, "must be a string");
    out.push_back(LETHE_TRY_IN(read(*entry.AsString()), where));
  }
  return out;
}

Result<std::vector<DsseEnvelope>> EnvelopesOf(const json::Value& object, std::string_view key,
                                              size_t most) {
  std::vector<DsseEnvelope> out;
  for (const json::Value& entry : *LETHE_TRY(ArrayOf(object, key, most)))
    out.push_back(LETHE_TRY_IN(ParseDsse(json::Write(entry)), Place(key, out.size())));
  return out;
}

// A signature has one spelling here, other than in the tools that made it.
Result<SshSignature> ReadArmoured(const std::string& armoured) {
  auto parsed = ParseSshSignature(armoured);
  if (!parsed) return parsed.error().AsError();
  if (ArmourSshSignature(SshSignatureBlob(*parsed)) != armoured)
    return Error{ErrorCode::kMalformed, "signature: not as ssh-keygen writes it"};
  return std::move(parsed).value();
}

// A key ID decides nothing, so nothing would notice a wrong one.
Status CheckReviewSignatures(const std::vector<DsseEnvelope>& statements) {
  for (size_t i = 0; i < statements.size(); ++i) {
    for (const DsseSignature& signature : statements[i].signatures) {
      const std::string where = Place("statements", i);
      const SshSignature parsed = LETHE_TRY_IN(ReadArmoured(signature.sig), where);
      if (signature.keyid != parsed.key.Fingerprint())
        return Bad(where, "its keyid is not that of the key, " + parsed.key.Fingerprint());
    }
  }
  return {};
}

Result<BundledReview> ReadReview(const json::Value& value) {
  BundledReview review;
  const json::Value* base = value.Find("base");
  if (base == nullptr || !base->IsNull()) {
    review.base =
        LETHE_TRY_IN(git::ObjectId::FromHex(LETHE_TRY(StringOf(value, "base"))), "key 'base'");
  }
  review.tip = LETHE_TRY_IN(git::ObjectId::FromHex(LETHE_TRY(StringOf(value, "tip"))), "key 'tip'");
  review.commit_objects =
      LETHE_TRY(StringsOf(value, "commits", kMaxReviewCommits,
                          [](const std::string& text) { return Base64Decode(text); }));
  review.statements = LETHE_TRY(EnvelopesOf(value, "statements", kMaxReviewStatements));
  LETHE_TRY(CheckReviewSignatures(review.statements));
  return review;
}

Status CheckHead(const json::Value& value) {
  if (value.AsObject() == nullptr) return Error{ErrorCode::kMalformed, "must be an object"};
  if (LETHE_TRY(StringOf(value, "mediaType")) != kBundleMediaType)
    return Bad("mediaType", "must be " + std::string(kBundleMediaType));
  const json::Value* version = value.Find("version");
  if (version == nullptr || version->AsInteger() == nullptr)
    return Bad("version", "must be an integer");
  if (*version->AsInteger() != kVersion)
    return Bad("version", std::to_string(*version->AsInteger()) + " is not known, only 1");
  return {};
}

Result<ReleaseBundle> Parse(std::string_view text) {
  const json::Value value =
      LETHE_TRY(json::Parse(text, {.max_bytes = kMaxBundleBytes, .max_depth = kMaxDepth}));
  LETHE_TRY(CheckHead(value));
  ReleaseBundle bundle;
  bundle.statement = LETHE_TRY(StringOf(value, "statement"));
  (void)LETHE_TRY(ParseReleaseStatement(bundle.statement));
  bundle.approvals = LETHE_TRY(StringsOf(value, "approvals", kMaxApprovals,
                                         [](const std::string& armoured) -> Result<std::string> {
                                           auto read = ReadArmoured(armoured);
                                           if (!read && read.error().code == ErrorCode::kMalformed)
                                             return std::move(read).error();
                                           return armoured;
                                         }));
  const json::Value* review = value.Find("review");
  if (review == nullptr) return Bad("review", "is missing");
  bundle.review = LETHE_TRY_IN(ReadReview(*review), "key 'review'");
  bundle.builders = LETHE_TRY(EnvelopesOf(value, "builders", kMaxBuilders));
  const json::Value* log = value.Find("log_proof");
  if (log == nullptr || !log->IsNull()) {
    bundle.log_proof = LETHE_TRY(StringOf(value, "log_proof"));
    if (bundle.log_proof.empty() || bundle.log_proof.size() > kMaxLogProofBytes)
      return Bad("log_proof", "must be null, or 1 to 65536 bytes");
  }
  if (WriteBundle(bundle) != text) {
    return Error{ErrorCode::kMalformed,
                 "not in its one spelling: keys that the format does not know, white space, "
                 "another order or another form of base64"};
  }
  return bundle;
}

json::Array Envelopes(const std::vector<DsseEnvelope>& envelopes) {
  json::Array out;
  for (const DsseEnvelope& envelope : envelopes) out.push_back(*json::Parse(WriteDsse(envelope)));
  return out;
}

// What the policy asks for is there, and nothing is there that nobody judges.
Verdict<void> CheckParts(const Policy& policy, const ReleaseBundle& bundle) {
  const ReleaseRules& rules = policy.release;
  if (rules.builders > 0 && bundle.builders.empty()) {
    return Refusal{Reason::kBuildersMissing, "the policy asks for attestations by " +
                                                 Counted(rules.builders, "builder") +
                                                 ", the bundle has none"};
  }
  if (rules.log && bundle.log_proof.empty()) {
    return Refusal{Reason::kLogMissing,
                   "the policy asks for an entry in the log, the bundle has no proof of one"};
  }
  if (!bundle.builders.empty()) {
    return Refusal{Reason::kUnknownPart,
                   "the bundle has attestations of builders, which this version cannot judge"};
  }
  if (!bundle.log_proof.empty()) {
    return Refusal{Reason::kUnknownPart,
                   "the bundle has a proof of the log, which this version cannot judge"};
  }
  return {};
}

bool SameEnvelopes(const std::vector<DsseEnvelope>& a, const std::vector<DsseEnvelope>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const DsseEnvelope& x, const DsseEnvelope& y) { return WriteDsse(x) == WriteDsse(y); });
}

Refusal WrongRange(const std::string& what) { return {Reason::kWrongObject, "review: " + what}; }

Verdict<void> CheckRange(const ReleaseStatement& statement, const BundledReview& review) {
  if (review.tip != statement.commit()) {
    return WrongRange("of commit " + review.tip.Hex() + ", but commit " + statement.image.commit +
                      " is released");
  }
  if (review.base != statement.since) {
    const auto words = [](const std::optional<git::ObjectId>& id) {
      return id ? id->Hex() : std::string("the first commit");
    };
    return WrongRange("from " + words(review.base) + " on, but the statement says from " +
                      words(statement.since) + " on");
  }
  return {};
}

// What was judged is the whole of what the bundle carries, for this policy and this time.
Verdict<void> CheckReviewVerdict(const ReviewVerdict& verdict, const Policy& policy,
                                 const BundledReview& review, int64_t at_unix_s) {
  for (const CommitReview& commit : verdict.commits) {
    if (!commit.refusals.empty())
      return commit.refusals.front().In("review: commit " + commit.id.Hex());
  }
  if (verdict.commits.empty()) return WrongRange("of no commit at all");
  if (!verdict.ok() || verdict.base != review.base || verdict.tip != review.tip ||
      verdict.at_unix_s != at_unix_s || verdict.policy_sha256 != policy.sha256.Hex())
    return WrongRange("is not one of this range, policy and time");
  if (verdict.commit_objects != review.commit_objects)
    return WrongRange("the bundle has other commits than those of the range, or in another order");
  if (!SameEnvelopes(verdict.statements, review.statements))
    return WrongRange("the bundle has statements that no commit of the range needs");
  return {};
}

Verdict<std::vector<Signer>> CheckReleaseApprovals(const Policy& policy,
                                                   const ReleaseBundle& bundle,
                                                   const ReviewVerdict& review) {
  std::vector<Signer> people;
  std::string names;
  for (const std::string& armoured : bundle.approvals) {
    people.push_back(
        LETHE_TRY_IN(CheckReleaseApproval(policy, bundle.statement, armoured, review, people),
                     "approval " + std::to_string(people.size() + 1)));
    names += (people.size() == 1 ? ": " : ", ") + people.back().person;
  }
  if (people.size() < static_cast<size_t>(policy.release.approvals)) {
    return Refusal{Reason::kTooFewApprovals, std::to_string(people.size()) + " of " +
                                                 std::to_string(policy.release.approvals) +
                                                 " approvals by distinct people" + names};
  }
  return people;
}

}  // namespace

Result<ReleaseBundle> ParseBundle(std::string_view text) {
  return LETHE_TRY_IN(Parse(text), "release bundle");
}

std::string WriteBundle(const ReleaseBundle& bundle) {
  json::Array commits;
  for (const std::string& object : bundle.review.commit_objects)
    commits.push_back(Base64Encode(object));
  const auto& base = bundle.review.base;
  json::Object review{{"base", base ? json::Value(base->Hex()) : json::Value()},
                      {"tip", bundle.review.tip.Hex()},
                      {"commits", std::move(commits)},
                      {"statements", Envelopes(bundle.review.statements)}};
  return json::Write(json::Object{
             {"mediaType", kBundleMediaType},
             {"version", kVersion},
             {"statement", bundle.statement},
             {"approvals", json::Array(bundle.approvals.begin(), bundle.approvals.end())},
             {"review", std::move(review)},
             {"builders", Envelopes(bundle.builders)},
             {"log_proof",
              bundle.log_proof.empty() ? json::Value() : json::Value(bundle.log_proof)}}) +
         "\n";
}

Verdict<ReviewVerdict> JudgeBundledReview(const Policy& policy, const ReleaseStatement& statement,
                                          const BundledReview& review, int64_t at_unix_s,
                                          const JudgeReview& judge_review) {
  LETHE_TRY(CheckRange(statement, review));
  ReviewVerdict verdict = LETHE_TRY_IN(judge_review(review), "review");
  LETHE_TRY(CheckReviewVerdict(verdict, policy, review, at_unix_s));
  return verdict;
}

Verdict<void> CheckApprover(const ReviewVerdict& review, const std::string& person) {
  if (review.Authors() != std::vector<std::string>{person}) return {};
  return Refusal{Reason::kOnlyAuthor, person + " is the only author of what is released"};
}

Verdict<Signer> CheckReleaseApproval(const Policy& policy, std::string_view statement,
                                     const std::string& armoured, const ReviewVerdict& review,
                                     const std::vector<Signer>& others) {
  Signer signer =
      LETHE_TRY(CheckSignature(policy, armoured, statement, {Use::kRelease, review.at_unix_s}));
  (void)LETHE_TRY(Judge(ReadArmoured(armoured), Reason::kMalformed));
  LETHE_TRY(CheckApprover(review, signer.person));
  const bool again = std::any_of(others.begin(), others.end(), [&](const Signer& other) {
    return other.person == signer.person;
  });
  if (!again) return signer;
  return Refusal{Reason::kApprovedTwice, signer.person + " approved already, and counts once"};
}

Verdict<ProvenRelease> JudgeBundle(const Policy& policy, const ReleaseBundle& bundle,
                                   int64_t at_unix_s, const JudgeReview& judge_review) {
  ProvenRelease proven;
  proven.statement_ = LETHE_TRY(Judge(ParseReleaseStatement(bundle.statement), Reason::kMalformed));
  LETHE_TRY(CheckReleaseTerms(policy, proven.statement_, at_unix_s));
  LETHE_TRY(CheckParts(policy, bundle));
  proven.review_ = LETHE_TRY(
      JudgeBundledReview(policy, proven.statement_, bundle.review, at_unix_s, judge_review));
  proven.approvers_ = LETHE_TRY(CheckReleaseApprovals(policy, bundle, proven.review_));
  return proven;
}

}  // namespace lethe::trust
