#include "trust/human_review.h"

#include "trust/dsse.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kCommitDigest = "gitCommit";
constexpr std::string_view kTreeDigest = "sha256";
constexpr std::string_view kResult = "result";

Error Bad(std::string what) { return {ErrorCode::kMalformed, "human review: " + std::move(what)}; }

bool IsSha1(const git::ObjectId& id) {
  return id.bytes.size() == git::IdBytes(git::ObjectFormat::kSha1);
}

}  // namespace

std::string WriteHumanReview(const HumanReview& review) {
  Subject subject;
  subject.digest.emplace(kCommitDigest, review.commit.Hex());
  if (review.tree_sha256) subject.digest.emplace(kTreeDigest, review.tree_sha256->Hex());
  return WriteStatement({.subjects = {std::move(subject)},
                         .predicate_type = std::string(kHumanReviewType),
                         .predicate = json::Object{{std::string(kResult), review.result}}});
}

Result<std::optional<HumanReview>> ParseHumanReview(std::string_view text) {
  if (text.size() > kMaxHumanReviewBytes)
    return Bad("more than " + std::to_string(kMaxHumanReviewBytes) + " bytes");
  const Statement statement = LETHE_TRY(ParseStatement(text));
  if (statement.predicate_type != kHumanReviewType) return std::optional<HumanReview>();
  if (statement.subjects.size() != 1) return Bad("key 'subject': must be one commit");
  const auto& digests = statement.subjects[0].digest;
  const auto commit = digests.find(std::string(kCommitDigest));
  if (commit == digests.end()) return Bad("key 'digest': has no 'gitCommit'");
  HumanReview review;
  review.commit = LETHE_TRY_IN(git::ObjectId::FromHex(commit->second), "human review: gitCommit");
  if (IsSha1(review.commit)) {
    const auto tree = digests.find(std::string(kTreeDigest));
    if (tree == digests.end())
      return Bad("key 'digest': a commit named by a SHA-1 needs the 'sha256' of its tree");
    review.tree_sha256 =
        LETHE_TRY_IN(crypto::Sha256Digest::FromHex(tree->second), "human review: sha256");
  }
  const json::Value* result = statement.predicate.Find(kResult);
  if (result == nullptr || result->AsString() == nullptr)
    return Bad("key 'result': must be a string");
  review.result = *result->AsString();
  return std::optional<HumanReview>(std::move(review));
}

}  // namespace lethe::trust
