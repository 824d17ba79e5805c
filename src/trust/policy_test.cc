#include "trust/policy.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/utc.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "trust/policy_check.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

std::string PublicKey(char seed) { return crypto::Ed25519Key(std::string(32, seed)).public_key(); }

std::string NoteLine(const std::string& name, char algorithm, char seed) {
  const std::string key = algorithm + PublicKey(seed);
  const auto digest = crypto::Sha256Of(name + "\n" + key);
  return name + "+" + HexEncode(std::span(digest.bytes).first(4)) + "+" + Base64Encode(key);
}

std::string BuilderText(const std::string& name, const std::string& by, char seed) {
  const std::string der(std::string("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12) +
                        PublicKey(seed));
  return "[[builder]]\nname = \"" + name + "\"\noperator = \"" + by + "\"\nkey = \"" +
         Base64Encode(der) + "\"\n";
}

std::string MachinesText() {
  return BuilderText("one", "first", 1) + BuilderText("two", "second", 2) + "[log]\nkey = \"" +
         NoteLine("log.example/1", 1, 3) + "\"\n[witnesses]\nquorum = 2\nkeys = [\"" +
         NoteLine("w1", 4, 4) + "\", \"" + NoteLine("w2", 4, 5) + "\"]\n";
}

TEST(ParsePolicy, ReadsEverything) {
  const std::string text = Replaced(Replaced(FixturePolicyText(), "builders = 0", "builders = 2"),
                                    "log = false", "log = true") +
                           "[[revoked]]\nkey = \"" +
                           SoftwareKey::ForTest("x").public_key().Fingerprint() +
                           "\"\nreason = \"lost\"\n" + MachinesText();
  const Policy policy = MustParsePolicy(text);
  EXPECT_EQ(policy.number, 3);
  EXPECT_EQ(policy.domain, "vpn.example");
  EXPECT_EQ(policy.people, (std::vector<std::string>{"alice", "bob", "carol"}));
  EXPECT_TRUE(policy.allow_test_keys);
  EXPECT_EQ(policy.review.owners_file, "CODEOWNERS");
  EXPECT_FALSE(policy.review.pin);
  EXPECT_EQ(policy.release.approvals, 2);
  EXPECT_TRUE(policy.release.pin);
  EXPECT_EQ(policy.release.max_age_days, 14);
  EXPECT_EQ(policy.release.builders, 2);
  EXPECT_TRUE(policy.release.log);
  EXPECT_EQ(policy.next.approvals, 2);
  ASSERT_EQ(policy.keys.size(), 3U);
  EXPECT_EQ(policy.keys[2].person, "carol");
  EXPECT_TRUE(policy.keys[2].test);
  EXPECT_EQ(policy.keys[2].may, (std::set{Use::kCommit, Use::kReview, Use::kRelease}));
  EXPECT_EQ(policy.keys[2].valid_after_unix_s, *ParseUtc("2026-01-01T00:00:00Z"));
  EXPECT_EQ(policy.keys[2].valid_before_unix_s, *ParseUtc("2027-01-01T00:00:00Z"));
  EXPECT_FALSE(policy.keys[0].valid_after_unix_s);
  ASSERT_EQ(policy.revoked.size(), 1U);
  EXPECT_EQ(policy.revoked[0].reason, "lost");
  ASSERT_EQ(policy.builders.size(), 2U);
  EXPECT_EQ(policy.builders[1].operator_name, "second");
  EXPECT_EQ(policy.log->name, "log.example/1");
  ASSERT_EQ(policy.witnesses.size(), 2U);
  EXPECT_EQ(policy.witness_quorum, 2);
  EXPECT_EQ(policy.sha256, crypto::Sha256Of(text));
}

TEST(ParsePolicy, TakesABuilderKeyInPemAndOnP256) {
  const std::string point =
      crypto::EcdsaP256Key::FromScalar(std::string(31, '\0') + '\x07')->point();
  const std::string der(
      std::string("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d"
                  "\x03\x01\x07\x03\x42\x00",
                  26) +
      point);
  const std::string base64 = Base64Encode(der);
  const std::string pem = "-----BEGIN PUBLIC KEY-----\\n" + base64.substr(0, 64) + "\\n" +
                          base64.substr(64) + "\\n-----END PUBLIC KEY-----\\n";
  const Policy policy = MustParsePolicy(FixturePolicyText() +
                                        "[[builder]]\nname = \"a\"\noperator"
                                        " = \"o\"\nkey = \"" +
                                        pem + "\"\n");
  EXPECT_EQ(policy.builders[0].public_key_der, der);
  std::string off = der;
  off.back() = static_cast<char>(off.back() ^ 1);
  EXPECT_FALSE(ParsePolicy(FixturePolicyText() +
                               "[[builder]]\nname = \"a\"\noperator = \"o\"\n"
                               "key = \"" +
                               Base64Encode(off) + "\"\n",
                           "p"));
}

struct Change {
  std::string from;
  std::string to;
  std::string says;
};

void ExpectRefused(const std::string& text, ErrorCode code, const std::string& says) {
  const auto policy = ParsePolicy(text, "policy.toml");
  ASSERT_FALSE(policy) << says;
  EXPECT_EQ(policy.error().code, code) << policy.error().message;
  EXPECT_NE(policy.error().message.find(says), std::string::npos) << policy.error().message;
  EXPECT_TRUE(policy.error().message.starts_with("policy.toml:")) << policy.error().message;
}

TEST(ParsePolicy, RefusesWhatDoesNotFollowTheFormat) {
  const std::string alice = FixtureKeyLine("alice");
  const std::string bob = FixtureKeyLine("bob");
  SshPublicKey other = SoftwareKey::ForTest("alice").public_key();
  other.application += "2";
  const Change kChanges[] = {
      {"format = 1", "format = 2", "policy.toml:1: key 'format'"},
      {"format = 1\n", "", "key 'format': is missing"},
      {"number = 3", "number = 0", "key 'number'"},
      {"\"vpn.example\"", "\"VPN.example\"", "key 'domain'"},
      {"\"vpn.example\"", "\"vpn.example\\nx\"", "key 'domain'"},
      {"\"vpn.example\"", "\"localhost\"", "key 'domain'"},
      {"\"carol\"]", "\"carol\", \"carol\"]", "listed twice"},
      {"\"carol\"]", "\"../carol\"]", "key 'people'"},
      {"\"carol\"]", "\"Carol\"]", "key 'people'"},
      {"test_keys = true\n", "", "key 'test_keys': is missing"},
      {"pin = false\n", "", "key 'pin' in [review]: is missing"},
      {"builders = 0\n", "", "key 'builders' in [release]: is missing"},
      {"log = false\n", "", "key 'log' in [release]: is missing"},
      {"max_age_days = 14", "max_age_days = 15", "from 1 to 14"},
      {"max_age_days = 14", "max_age_days = 0", "from 1 to 14"},
      {"log = false", "log = 0", "must be true or false"},
      {"owners_file = \"CODEOWNERS\"", "owners_file = \"/CODEOWNERS\"", "owners_file"},
      {"owners_file = \"CODEOWNERS\"", "owners_file = \"a/../b\"", "owners_file"},
      {"[policy]\n", "[policy]\nquorum = 1\n", "unknown key 'quorum' in [policy]"},
      {"person = \"carol\"", "person = \"dave\"", "is not one of 'people'"},
      {bob, alice, "is there already"},
      {bob, other.Line(), "is there already"},
      {alice, alice + "!", ""},
      {"test = true\n", "", "is a test key and must be marked"},
      {"may = [\"commit\"", "may = [\"deploy\"", "allowed: commit, review, release, policy"},
      {"may = [\"commit\"", "may = [\"review\"", "listed twice"},
      {"may = [\"commit\", \"review\", \"release\", \"policy\"]\n", "may = []\n",
       "must name at least one use"},
      {"valid_before = \"2027-01-01T00:00:00Z\"", "valid_before = \"2026-01-01T00:00:00Z\"",
       "ends before it begins"},
      {"valid_before = \"2027-01-01T00:00:00Z\"", "valid_before = \"2027-01-01\"", "is no time"},
      {"valid_before = \"2027-01-01T00:00:00Z\"", "valid_before = \"1970-01-01T00:00:01Z\"",
       "before the year 1970"},
      {"valid_before = \"2027-01-01T00:00:00Z\"", "valid_before = 2027-01-01T00:00:00Z",
       "must be a string"},
  };
  for (const auto& [from, to, says] : kChanges) {
    ExpectRefused(Replaced(FixturePolicyText(), from, to), ErrorCode::kMalformed, says);
  }
}

TEST(ParsePolicy, RefusesMalformedMachinesAndRevocations) {
  const std::string print = SoftwareKey::ForTest("x").public_key().Fingerprint();
  const std::string revoked = "[[revoked]]\nkey = \"" + print + "\"\nreason = \"lost\"\n";
  const std::string log = "[log]\nkey = \"" + NoteLine("log", 1, 3) + "\"\n";
  const auto witnesses = [](const std::string& a, const std::string& b) {
    return "[witnesses]\nquorum = 2\nkeys = [\"" + a + "\", \"" + b + "\"]\n";
  };
  const std::pair<std::string, const char*> kBad[] = {
      {revoked + revoked, "revoked twice"},
      {Replaced(revoked, print, print + "="), "allowed: a fingerprint"},
      {Replaced(revoked, "SHA256:", "MD5:"), "allowed: a fingerprint"},
      {Replaced(revoked, "lost", ""), "allowed: one line"},
      {Replaced(revoked, "lost", "lost\\u000a[[key]]"), "allowed: one line"},
      {Replaced(revoked, "lost", "lost\u202e"), "allowed: one line"},
      {Replaced(revoked, "lost", "lost\u009b2K"), "allowed: one line"},
      {BuilderText("a", "x", 1) + BuilderText("a", "y", 2), "is there already"},
      {BuilderText("a", "x", 1) + BuilderText("b", "y", 1), "is there already"},
      {Replaced(BuilderText("a", "x", 1), "MCow", "MCox"), "SubjectPublicKeyInfo"},
      {Replaced(log, "log+", "log"), "name+keyid+base64"},
      {Replaced(log, "log+", "lug+"), "key ID should be"},
      {"[log]\nkey = \"" + NoteLine("log", 4, 3) + "\"\n", "algorithm byte 1"},
      {"[log]\nkey = \"" + NoteLine("a log", 1, 3) + "\"\n", "visible characters"},
      {witnesses(NoteLine("w", 4, 4), NoteLine("w", 4, 5)), "is there already"},
      {witnesses(NoteLine("w", 4, 4), NoteLine("v", 4, 4)), "is there already"},
      {witnesses(NoteLine("w", 4, 4), NoteLine("v", 1, 5)), "algorithm byte 4"},
      {"[attestation]\nroots = [\"-----BEGIN CERTIFICATE-----\"]\n", "key 'roots'"},
  };
  for (const auto& [text, says] : kBad)
    ExpectRefused(FixturePolicyText() + text, ErrorCode::kMalformed, says);
}

TEST(ParsePolicy, RefusesWhatNobodyOrOnePersonAloneCouldSatisfy) {
  const std::string all = "may = [\"commit\", \"review\", \"release\", \"policy\"]";
  const Change kChanges[] = {
      {"approvals = 2", "approvals = 1", "policy.toml:11: key 'approvals' in [release]"},
      {"approvals = 2", "approvals = 0", "key 'approvals' in [release]"},
      {"approvals = 2", "approvals = 4", "asks for 4 people, but 3 people could"},
      {"[policy]\napprovals = 2", "[policy]\napprovals = 1", "key 'approvals' in [policy]"},
      {"[policy]\napprovals = 2", "[policy]\napprovals = 3", "but 2 people could"},
      {all, "may = [\"commit\"]", "but 1 person could"},
      {"builders = 0", "builders = 1", "asks for 1 operator"},
      {"log = false", "log = true", "there is no [log]"},
  };
  for (const auto& [from, to, says] : kChanges) {
    ExpectRefused(Replaced(FixturePolicyText(), from, to), ErrorCode::kUntrusted, says);
  }
  const std::string text = FixturePolicyText();
  ExpectRefused(text + "[[revoked]]\nkey = \"" +
                    SoftwareKey::ForTest("bob").public_key().Fingerprint() +
                    "\"\nreason = \"lost\"\n",
                ErrorCode::kUntrusted, "but 1 person could");
  ExpectRefused(Replaced(text, "test_keys = true", "test_keys = false"), ErrorCode::kUntrusted,
                "is a test key, and 'test_keys' is false");
  ExpectRefused(Replaced(text, "builders = 0", "builders = 2") + BuilderText("a", "x", 1) +
                    BuilderText("b", "x", 2),
                ErrorCode::kUntrusted, "asks for 2 operators, but [[builder]] names 1");
  ExpectRefused(text + "[witnesses]\nquorum = 2\nkeys = [\"" + NoteLine("w", 4, 4) + "\"]\n",
                ErrorCode::kUntrusted, "asks for 2 of 1");
}

TEST(ParsePolicy, RefusesAPolicyWithoutTwoPeopleBehindAChange) {
  std::string text = FixturePolicyText();
  const std::string all = "may = [\"commit\", \"review\", \"release\", \"policy\"]";
  text = Replaced(text, "[\"commit\", \"review\", \"release\"]\n", "[\"release\"]\n");
  text = Replaced(text, "\"bob\"\nkey = \"" + FixtureKeyLine("bob") + "\"\ntest = true\n" + all,
                  "\"bob\"\nkey = \"" + FixtureKeyLine("bob") +
                      "\"\ntest = true\nmay = [\"release\", \"policy\"]");
  ExpectRefused(text, ErrorCode::kUntrusted, "only alice");
  ExpectRefused(Replaced(text, all, "may = [\"review\", \"release\", \"policy\"]"),
                ErrorCode::kUntrusted, "nobody has a key that may 'commit'");
}

TEST(ParsePolicy, BoundsSizesAndCounts) {
  ExpectRefused(FixturePolicyText() + std::string(kMaxPolicyBytes, '\n'), ErrorCode::kMalformed,
                "larger than 1 MiB");
  ExpectRefused(FixturePolicyText() + "x = " + std::string(5000, '['), ErrorCode::kMalformed, "");
  std::string text = FixturePolicyText();
  for (size_t i = 0; i < kMaxPolicyKeys; ++i) text += "[[key]]\n";
  ExpectRefused(text, ErrorCode::kMalformed, "more than 1000 [[key]]");
}

TEST(PeopleWhoMay, LeavesOutRevokedKeys) {
  Policy policy = MustParsePolicy(FixturePolicyText());
  EXPECT_EQ(PeopleWhoMay(policy, Use::kPolicy), (std::set<std::string>{"alice", "bob"}));
  policy.revoked.push_back({policy.keys[0].key.Fingerprint(), "lost"});
  EXPECT_EQ(PeopleWhoMay(policy, Use::kPolicy), (std::set<std::string>{"bob"}));
}

}  // namespace
}  // namespace lethe::trust
