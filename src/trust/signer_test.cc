#include "trust/signer.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kMessage = "to be released\n";
const int64_t kNow = *ParseUtc("2026-11-25T00:00:00Z");
const KeyUse kRelease{Use::kRelease, kNow};

Reason ReasonOf(const Verdict<Signer>& verdict) {
  EXPECT_FALSE(verdict);
  return verdict ? Reason::kMalformed : verdict.error().reason;
}

TEST(CheckSignature, NamesThePersonBehindAGoodSignature) {
  const Policy policy = MustParsePolicy(FixturePolicyText());
  for (const auto& [use, name_space] : {std::pair{Use::kCommit, "git"},
                                        {Use::kReview, "review@vpn.example"},
                                        {Use::kRelease, "release@vpn.example"},
                                        {Use::kPolicy, "policy@vpn.example"}}) {
    EXPECT_EQ(policy.Namespace(use), name_space);
    const auto signer =
        CheckSignature(policy, FixtureSign("alice", kMessage, name_space), kMessage, {use, kNow});
    ASSERT_TRUE(signer) << signer.error().message;
    EXPECT_EQ(signer->person, "alice");
    EXPECT_EQ(signer->fingerprint, SoftwareKey::ForTest("alice").public_key().Fingerprint());
    EXPECT_EQ(signer->flags, 5);
  }
}

TEST(CheckSignature, RefusesEachFaultWithItsReason) {
  const std::string text = FixturePolicyText();
  const Policy policy = MustParsePolicy(text);
  const SoftwareKey alice = SoftwareKey::ForTest("alice");
  const std::string ns = policy.Namespace(Use::kRelease);
  const auto check = [&](const std::string& signature, const KeyUse& use) {
    return ReasonOf(CheckSignature(policy, signature, kMessage, use));
  };
  EXPECT_EQ(check("", kRelease), Reason::kMalformed);
  EXPECT_EQ(check(FixtureSign("mallory", kMessage, ns), kRelease), Reason::kUnknownKey);
  EXPECT_EQ(check(FixtureSign("alice", kMessage, "git"), kRelease), Reason::kWrongNamespace);
  EXPECT_EQ(check(FixtureSign("alice", kMessage, "release@other.example"), kRelease),
            Reason::kWrongNamespace);
  EXPECT_EQ(check(FixtureSign("alice", "another", ns), kRelease), Reason::kBadSignature);
  EXPECT_EQ(check(alice.SignSsh({kMessage, ns}, {.flags = 0}), kRelease), Reason::kNoTouch);
  EXPECT_EQ(check(alice.SignSsh({kMessage, ns}, {.flags = kFlagUserVerified}), kRelease),
            Reason::kNoTouch);
  EXPECT_EQ(check(alice.SignSsh({kMessage, ns}), kRelease), Reason::kNoPin);
  EXPECT_EQ(check(FixtureSign("carol", kMessage, ns), {Use::kPolicy, kNow}), Reason::kKeyMayNot);
  const auto at = [](const char* time) { return KeyUse{Use::kRelease, *ParseUtc(time)}; };
  const std::string carol = FixtureSign("carol", kMessage, ns);
  EXPECT_EQ(check(carol, at("2025-12-31T23:59:59Z")), Reason::kKeyNotYetValid);
  EXPECT_TRUE(CheckSignature(policy, carol, kMessage, at("2026-01-01T00:00:00Z")));
  EXPECT_TRUE(CheckSignature(policy, carol, kMessage, at("2026-12-31T23:59:59Z")));
  EXPECT_EQ(check(carol, at("2027-01-01T00:00:00Z")), Reason::kKeyExpired);
}

TEST(CheckSignature, AsksForThePinWhereThePolicyDoes) {
  const std::string touched = SoftwareKey::ForTest("alice").SignSsh({kMessage, "git"});
  const std::string text = FixturePolicyText();
  EXPECT_TRUE(CheckSignature(MustParsePolicy(text), touched, kMessage, {Use::kCommit, kNow}));
  const Policy strict = MustParsePolicy(Replaced(text, "pin = false", "pin = true"));
  EXPECT_EQ(ReasonOf(CheckSignature(strict, touched, kMessage, {Use::kCommit, kNow})),
            Reason::kNoPin);
}

TEST(CheckSignature, RefusesARevokedKeyListedOrNot) {
  for (const char* name : {"carol", "mallory"}) {
    const Policy policy = MustParsePolicy(FixturePolicyText() + "[[revoked]]\nkey = \"" +
                                          SoftwareKey::ForTest(name).public_key().Fingerprint() +
                                          "\"\nreason = \"lost\"\n");
    const auto verdict = CheckSignature(
        policy, FixtureSign(name, kMessage, policy.Namespace(Use::kRelease)), kMessage, kRelease);
    EXPECT_EQ(ReasonOf(verdict), Reason::kKeyRevoked);
    EXPECT_NE(verdict.error().message.find("lost"), std::string::npos);
  }
}

TEST(FindKey, RefusesTestKeysWhereThePolicyDoesNotAllowThem) {
  Policy policy = MustParsePolicy(FixturePolicyText());
  policy.allow_test_keys = false;  // no file gives this: such a policy is refused as a whole
  const auto key = FindKey(policy, SoftwareKey::ForTest("alice").public_key(), kRelease);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().reason, Reason::kTestKey);
}

TEST(FindKey, TellsKeysOfOneSecretApartByTheirApplication) {
  const Policy policy = MustParsePolicy(FixturePolicyText());
  SshPublicKey key = SoftwareKey::ForTest("alice").public_key();
  EXPECT_TRUE(FindKey(policy, key, kRelease));
  key.application = "ssh:lethe-test-2";
  const auto found = FindKey(policy, key, kRelease);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().reason, Reason::kUnknownKey);
}

}  // namespace
}  // namespace lethe::trust
