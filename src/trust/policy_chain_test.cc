#include "trust/policy_chain.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kNamespace = "policy@vpn.example";
const int64_t kNow = *ParseUtc("2026-11-25T00:00:00Z");

std::string Numbered(int number) {
  return Replaced(FixturePolicyText(), "number = 3", "number = " + std::to_string(number));
}

PolicyCandidate Approved(const std::string& bytes, const std::vector<std::string>& people) {
  PolicyCandidate candidate{"next.toml", bytes, {}};
  for (const std::string& person : people)
    candidate.signatures.push_back(FixtureSign(person, bytes, kNamespace));
  return candidate;
}

void ExpectRefused(const PolicyCandidate& candidate, Reason reason) {
  const Policy current = MustParsePolicy(FixturePolicyText());
  const auto next = AcceptNextPolicy(current, candidate, kNow);
  ASSERT_FALSE(next) << ToString(reason);
  EXPECT_EQ(ToString(next.error().reason), ToString(reason)) << next.error().message;
  EXPECT_NE(next.error().message.find("next.toml"), std::string::npos) << next.error().message;
}

TEST(AcceptNextPolicy, NeedsTheQuorumOfThePolicyBefore) {
  const Policy current = MustParsePolicy(FixturePolicyText());
  const auto next = AcceptNextPolicy(current, Approved(Numbered(4), {"bob", "alice"}), kNow);
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->policy.number, 4);
  ASSERT_EQ(next->approvers.size(), 2U);
  EXPECT_EQ(next->approvers[0].person, "bob");
}

TEST(AcceptNextPolicy, RefusesEachFaultWithItsReason) {
  const std::string four = Numbered(4);
  ExpectRefused(Approved(four, {}), Reason::kTooFewApprovals);
  ExpectRefused(Approved(four, {"alice"}), Reason::kTooFewApprovals);
  ExpectRefused(Approved(four, {"alice", "alice"}), Reason::kTooFewApprovals);
  ExpectRefused(Approved(four, {"alice", "carol"}), Reason::kKeyMayNot);
  ExpectRefused(Approved(four, {"alice", "mallory"}), Reason::kUnknownKey);
  for (const int number : {1, 2, 3, 5})
    ExpectRefused(Approved(Numbered(number), {"alice", "bob"}), Reason::kPolicyRollback);
  const std::string weak = Replaced(four, "approvals = 2", "approvals = 1");
  ExpectRefused(Approved(weak, {"alice", "bob"}), Reason::kPolicyWeak);
  ExpectRefused(Approved(four + "x = 1\n", {"alice", "bob"}), Reason::kMalformed);
  PolicyCandidate other = Approved(four, {"alice", "bob"});
  other.bytes += "# changed\n";
  ExpectRefused(other, Reason::kBadSignature);
  PolicyCandidate touched = Approved(four, {"alice"});
  touched.signatures.push_back(SoftwareKey::ForTest("bob").SignSsh({four, kNamespace}));
  ExpectRefused(touched, Reason::kNoPin);
  PolicyCandidate release = Approved(four, {"alice"});
  release.signatures.push_back(FixtureSign("bob", four, "release@vpn.example"));
  ExpectRefused(release, Reason::kWrongNamespace);
  PolicyCandidate malformed = Approved(four, {"alice", "bob"});
  malformed.signatures.emplace_back("-----BEGIN SSH SIGNATURE-----\n");
  ExpectRefused(malformed, Reason::kMalformed);
  PolicyCandidate many = Approved(four, {"alice", "bob"});
  many.signatures.resize(100, many.signatures[0]);
  ExpectRefused(many, Reason::kMalformed);
}

TEST(AcceptNextPolicy, DoesNotCountWhatOthersSignedBesideTheQuorum) {
  const Policy current = MustParsePolicy(FixturePolicyText());
  EXPECT_TRUE(
      AcceptNextPolicy(current, Approved(Numbered(4), {"mallory", "alice", "carol", "bob"}), kNow));
}

TEST(WalkPolicies, ReportsTheBestProvenPolicyAndWhyItEnded) {
  const Policy first = MustParsePolicy(FixturePolicyText());
  // Policy 4 takes bob's right to approve away and gives it to carol.
  const std::string all = "may = [\"commit\", \"review\", \"release\", \"policy\"]";
  std::string four = Numbered(4);
  four = four.replace(four.rfind(all), all.size(), "may = [\"commit\", \"release\"]");
  four = Replaced(four, "\"review\", \"release\"]\n", "\"review\", \"release\", \"policy\"]\n");
  const std::vector<PolicyCandidate> chain = {Approved(four, {"alice", "bob"}),
                                              Approved(Numbered(5), {"alice", "carol"}),
                                              Approved(Numbered(6), {"alice", "carol"})};
  const PolicyWalk walk = WalkPolicies(first, chain, kNow);
  EXPECT_EQ(walk.policy.number, 5);
  ASSERT_EQ(walk.steps.size(), 2U);
  EXPECT_EQ(walk.steps[1].approvers[1].person, "carol");
  EXPECT_EQ(walk.steps[1].sha256, crypto::Sha256Of(Numbered(5)));
  ASSERT_TRUE(walk.refusal);
  EXPECT_EQ(walk.refusal->reason, Reason::kKeyMayNot);

  const PolicyWalk old = WalkPolicies(
      first, {Approved(four, {"alice", "bob"}), Approved(Numbered(5), {"alice", "bob"})}, kNow);
  EXPECT_EQ(old.policy.number, 4);  // bob's approval counted for policy 4 only
  EXPECT_EQ(old.refusal->reason, Reason::kKeyMayNot);

  const PolicyWalk gap = WalkPolicies(first, {chain[1]}, kNow);
  EXPECT_EQ(gap.policy.number, 3);
  EXPECT_EQ(gap.refusal->reason, Reason::kPolicyRollback);
  EXPECT_FALSE(WalkPolicies(first, {}, kNow).refusal);
}

TEST(WalkPolicies, JudgesKeysAtTheBound) {
  const std::string text = Replaced(FixturePolicyText(), "\"review\", \"release\"]\n",
                                    "\"review\", \"release\", \"policy\"]\n");
  const Policy first = MustParsePolicy(text);
  const PolicyCandidate next = Approved(Numbered(4), {"alice", "carol"});
  EXPECT_FALSE(WalkPolicies(first, {next}, kNow).refusal);
  const auto later = WalkPolicies(first, {next}, *ParseUtc("2027-01-01T00:00:00Z"));
  ASSERT_TRUE(later.refusal);
  EXPECT_EQ(later.refusal->reason, Reason::kKeyExpired);
  const auto earlier = WalkPolicies(first, {next}, *ParseUtc("2025-12-31T00:00:00Z"));
  EXPECT_EQ(earlier.refusal->reason, Reason::kKeyNotYetValid);
}

}  // namespace
}  // namespace lethe::trust
