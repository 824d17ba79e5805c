#include "trust/bundle_fixture.h"

#include "base/strings.h"
#include "base/utc.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

const std::string kBase(40, 'b');

git::ObjectId Id(std::string_view hex) { return *git::ObjectId::FromHex(hex); }

struct Range {
  std::string change;
  std::string merge;
};

Range FixtureRange() {
  Range range;
  range.change = FixtureCommit("alice", {kBase});
  range.merge = FixtureCommit("bob", {kBase, FixtureCommitId(range.change)});
  return range;
}

crypto::Sha256Digest Digest(std::string_view text) { return crypto::Sha256Of(text); }

}  // namespace

std::string FixtureCommit(std::string_view person, const std::vector<std::string>& parents) {
  std::string head = "tree " + std::string(40, '0') + "\n";
  for (const std::string& parent : parents) head += "parent " + parent + "\n";
  for (const char* role : {"author ", "committer "})
    head += role + std::string(person) + " <" + std::string(person) +
            "@vpn.example> 1795000000 +0000\n";
  const std::string message = "\nA change\n";
  std::string header = "gpgsig";
  // No two commits of one key have one counter.
  const std::string signature = SoftwareKey::ForTest(person).SignSsh(
      {head + message, "git"}, {.counter = static_cast<uint32_t>(parents.size()) + 1});
  for (const std::string_view line : Lines(signature)) header += " " + std::string(line) + "\n";
  return head + header + message;
}

std::string FixtureCommitId(std::string_view body) {
  return git::HashObject(git::ObjectFormat::kSha1, git::ObjectType::kCommit, body).Hex();
}

ReleaseStatement FixtureRelease(const Policy& policy) {
  ReleaseStatement release;
  release.image = {.name = "lethe-vpn",
                   .version = "20261125-0123456789ab",
                   .commit = FixtureCommitId(FixtureRange().merge),
                   .iso_sha256 = Digest("iso"),
                   .iso_bytes = 100,
                   .manifest_sha256 = Digest("manifest")};
  release.tree_sha256 = Digest("tree");
  release.since = Id(kBase);
  release.not_before_unix_s = kFixtureNow - 3600;
  release.expires_unix_s = release.not_before_unix_s + 14 * kSecondsPerDay;
  release.policy_domain = policy.domain;
  release.policy_number = policy.number;
  release.policy_sha256 = policy.sha256;
  return release;
}

ReleaseBundle FixtureBundle(const ReleaseStatement& statement,
                            const std::vector<std::string>& approvers) {
  const Range range = FixtureRange();
  ReleaseBundle bundle;
  bundle.statement = WriteReleaseStatement(statement);
  for (const std::string& person : approvers)
    bundle.approvals.push_back(FixtureSign(person, bundle.statement, "release@vpn.example"));
  bundle.review = {.base = Id(kBase),
                   .tip = Id(FixtureCommitId(range.merge)),
                   .commit_objects = {range.change, range.merge},
                   .statements = {}};
  return bundle;
}

ReviewVerdict FixtureReview(const Policy& policy, const BundledReview& review, int64_t at_unix_s) {
  const Range range = FixtureRange();
  ReviewVerdict verdict;
  verdict.base = review.base;
  verdict.tip = review.tip;
  verdict.at_unix_s = at_unix_s;
  verdict.policy_sha256 = policy.sha256.Hex();
  CommitReview change;
  change.id = Id(FixtureCommitId(range.change));
  change.author = "alice";
  CommitReview merge;
  merge.id = Id(FixtureCommitId(range.merge));
  merge.mainline = true;
  merge.author = "bob";
  merge.authors = {"alice"};
  merge.reviewers = {"bob"};
  verdict.commits = {change, merge};
  verdict.commit_objects = {range.change, range.merge};
  return verdict;
}

}  // namespace lethe::trust
