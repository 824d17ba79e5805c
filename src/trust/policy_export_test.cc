#include "trust/policy_export.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

std::string RevokedText(std::string_view name) {
  return "[[revoked]]\nkey = \"" + SoftwareKey::ForTest(name).public_key().Fingerprint() +
         "\"\nreason = \"lost\"\n";
}

TEST(AllowedSignersOf, NamesEveryNamespaceAndTheValidity) {
  const auto signers = AllowedSignersOf(MustParsePolicy(FixturePolicyText()));
  ASSERT_EQ(signers.size(), 3U);
  EXPECT_EQ(signers[0].principals, (std::vector<std::string>{"alice"}));
  EXPECT_EQ(signers[0].namespaces,
            (std::vector<std::string>{"git", "review@vpn.example", "release@vpn.example",
                                      "policy@vpn.example"}));
  EXPECT_FALSE(signers[0].valid_after_unix_s);
  EXPECT_EQ(signers[2].valid_after_unix_s, *ParseUtc("2026-01-01T00:00:00Z"));
  EXPECT_EQ(signers[2].valid_before_unix_s, *ParseUtc("2026-12-31T23:59:59Z"));
  const auto again = ParseAllowedSigners(WriteAllowedSigners(signers), "allowed_signers");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, signers);
}

TEST(AllowedSignersOf, LeavesOutRevokedKeysAndKeysOfOneSecond) {
  const std::string text = FixturePolicyText();
  EXPECT_EQ(AllowedSignersOf(MustParsePolicy(text + RevokedText("carol"))).size(), 2U);
  EXPECT_EQ(AllowedSignersOf(MustParsePolicy(Replaced(text, "before = \"2027-01-01T00:00:00Z",
                                                      "before = \"2026-01-01T00:00:01Z")))
                .size(),
            2U);
}

TEST(RevocationListOf, IsTheSameForTheSameKeysInAnyOrder) {
  const std::string text = FixturePolicyText();
  const auto list = [](const std::string& t) { return RevocationListOf(MustParsePolicy(t)); };
  EXPECT_EQ(list(text + RevokedText("x") + RevokedText("y")),
            list(text + RevokedText("y") + RevokedText("x")));
  EXPECT_TRUE(list(text).starts_with(std::string("SSHKRL\n\0\0\0\0\1", 12)));
  EXPECT_EQ(list(text + RevokedText("x")).size(), list(text).size() + 1 + 4 + 4 + 32);
}

TEST(TlogPolicyOf, ListsLogWitnessesAndQuorum) {
  Policy policy = MustParsePolicy(FixturePolicyText());
  EXPECT_FALSE(TlogPolicyOf(policy));
  policy.log = NoteKey{"log.example/1", "log.example/1+1+A"};
  EXPECT_EQ(*TlogPolicyOf(policy),
            "# policy 3 of vpn.example\nlog log.example/1+1+A\nquorum none\n");
  policy.witnesses = {{"a", "a+2+B"}, {"none", "none+3+C"}};
  policy.witness_quorum = 1;
  EXPECT_EQ(
      *TlogPolicyOf(policy),
      "# policy 3 of vpn.example\nlog log.example/1+1+A\nwitness witness-1 a+2+B\n"
      "witness witness-2 none+3+C\ngroup witnesses 1 witness-1 witness-2\nquorum witnesses\n");
}

}  // namespace
}  // namespace lethe::trust
