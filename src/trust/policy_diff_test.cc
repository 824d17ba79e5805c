#include "trust/policy_diff.h"

#include <gtest/gtest.h>

#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

std::string Print(std::string_view name) {
  return SoftwareKey::ForTest(name).public_key().Fingerprint();
}

// Each change with '+' in front where it loosens.
std::vector<std::string> Diff(const std::string& older, const std::string& newer) {
  std::vector<std::string> out;
  for (const PolicyChange& change : DiffPolicies(MustParsePolicy(older), MustParsePolicy(newer)))
    out.push_back((change.loosens ? "+" : "-") + change.text);
  return out;
}

TEST(DiffPolicies, SaysNothingOfEqualPolicies) {
  const std::string text = FixturePolicyText();
  EXPECT_TRUE(Diff(text, Replaced(text, "number = 3", "number = 4 # next")).empty());
}

TEST(DiffPolicies, SaysWhatEachChangeLetsWhomDo) {
  const std::string text = FixturePolicyText();
  const struct {
    std::string from;
    std::string to;
    std::vector<std::string> there;
    std::vector<std::string> back;
  } kChanges[] = {
      {"[release]\napprovals = 2",
       "[release]\napprovals = 3",
       {"-a release needs 1 approval more (3 instead of 2)"},
       {"+a release needs 1 approval fewer (2 instead of 3)"}},
      {"max_age_days = 14",
       "max_age_days = 1",
       {"-a release may be valid for 1 day instead of 14"},
       {"+a release may be valid for 14 days instead of 1"}},
      {"pin = false",
       "pin = true",
       {"-a commit or a review needs a PIN now"},
       {"+a commit or a review needs no PIN any more"}},
      {"14\nbuilders", "14 # \nbuilders", {}, {}},
      {"CODEOWNERS",
       "OWNERS",
       {"+owners are named in OWNERS instead of CODEOWNERS"},
       {"+owners are named in CODEOWNERS instead of OWNERS"}},
      {"vpn.example",
       "vpn.test",
       {"+the domain is vpn.test instead of vpn.example: signatures for the one do not count for "
        "the other"},
       {"+the domain is vpn.example instead of vpn.test: signatures for the one do not count for "
        "the other"}},
      {"\"carol\"]",
       "\"carol\", \"dave\"]",
       {"-dave is a new person"},
       {"-dave is no person of the policy any more"}},
      {"\"review\", \"release\"]\n",
       "\"review\", \"release\", \"policy\"]\n",
       {"+carol can now approve policies",
        "+carol's key " + Print("carol") + " may now approve policies"},
       {"-carol can no longer approve policies",
        "-carol's key " + Print("carol") + " may no longer approve policies"}},
      {"valid_before = \"2027",
       "valid_before = \"2028",
       {"+carol's key " + Print("carol") +
        " is valid from 2026-01-01T00:00:00Z, before 2028-01-01T00:00:00Z instead of from "
        "2026-01-01T00:00:00Z, before 2027-01-01T00:00:00Z"},
       {"-carol's key " + Print("carol") +
        " is valid from 2026-01-01T00:00:00Z, before 2027-01-01T00:00:00Z instead of from "
        "2026-01-01T00:00:00Z, before 2028-01-01T00:00:00Z"}},
  };
  for (const auto& [from, to, there, back] : kChanges) {
    const std::string changed = Replaced(text, from, to);
    EXPECT_EQ(Diff(text, changed), there) << to;
    EXPECT_EQ(Diff(changed, text), back) << to;
  }
}

TEST(DiffPolicies, NamesNewKeysAndRevokedOnes) {
  const std::string text = FixturePolicyText();
  const std::string added = text + "[[key]]\nperson = \"carol\"\nkey = \"" +
                            FixtureKeyLine("carol-2") + "\"\nmay = [\"policy\"]\ntest = true\n";
  EXPECT_EQ(Diff(text, added),
            (std::vector<std::string>{
                "+carol can now approve policies",
                "+carol's key " + Print("carol-2") +
                    " (a test key) is new and may approve policies; valid always"}));
  EXPECT_EQ(Diff(added, text), (std::vector<std::string>{"-carol can no longer approve policies",
                                                         "-carol's key " + Print("carol-2") +
                                                             " is not listed any more"}));
  const std::string revoked =
      text + "[[revoked]]\nkey = \"" + Print("carol") + "\"\nreason = \"lost\"\n";
  EXPECT_EQ(Diff(text, revoked),
            (std::vector<std::string>{"-carol can no longer sign commits",
                                      "-carol can no longer sign reviews",
                                      "-carol can no longer sign releases",
                                      "-carol's key " + Print("carol") + " is revoked: lost"}));
  EXPECT_EQ(Diff(revoked, text).back(),
            "+carol's key " + Print("carol") + " is not revoked any more");
}

TEST(DiffPolicies, TellsRulesOfMachines) {
  Policy older = MustParsePolicy(FixturePolicyText());
  Policy newer = older;
  newer.release.log = true;
  newer.release.builders = 2;
  newer.builders = {{"one", "first", "der"}};
  newer.log = NoteKey{"log", "log+00000000+AAAA"};
  newer.witnesses = {{"w", "w+00000000+AAAA"}};
  newer.witness_quorum = 1;
  newer.allow_test_keys = false;
  newer.release.pin = false;
  const auto changes = DiffPolicies(older, newer);
  std::vector<std::string> texts;
  for (const auto& change : changes) texts.push_back((change.loosens ? "+" : "-") + change.text);
  EXPECT_EQ(
      texts,
      (std::vector<std::string>{
          "-keys of software are refused now", "+an approval of a release needs no PIN any more",
          "-a release needs 2 builders more (2 instead of 0)", "-a release must be in the log now",
          "+builder one of first (key sha256 " + crypto::Sha256Of("der").Hex() + ") is trusted now",
          "+log log+00000000+AAAA is trusted now", "+witness w+00000000+AAAA is trusted now",
          "-a checkpoint of the log needs 1 cosignature more (1 instead of 0)"}));
}

}  // namespace
}  // namespace lethe::trust
