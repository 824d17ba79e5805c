#include "trust/allowed_signers.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/utc.h"
#include "trust/software_key.h"

namespace lethe::trust {
namespace {

std::string KeyLine(std::string_view name = "alice") {
  return SoftwareKey::ForTest(name).public_key().Line();
}

Result<std::vector<AllowedSigner>> Parse(std::string_view text) {
  return ParseAllowedSigners(text, "allowed_signers");
}

// The error of one line with these options.
std::string Refused(std::string_view line, ErrorCode code) {
  const auto signers = Parse(line);
  EXPECT_FALSE(signers) << line;
  if (signers) return {};
  EXPECT_EQ(ToString(signers.error().code), ToString(code)) << signers.error().message;
  EXPECT_TRUE(signers.error().message.starts_with("allowed_signers:1: "))
      << signers.error().message;
  return signers.error().message;
}
void ExpectMalformed(const std::string& line, std::string_view words) {
  EXPECT_NE(Refused(line, ErrorCode::kMalformed).find(words), std::string::npos) << line;
}
void ExpectUntrusted(const std::string& line, std::string_view words) {
  EXPECT_NE(Refused(line, ErrorCode::kUntrusted).find(words), std::string::npos) << line;
}

TEST(AllowedSigners, ReadsEveryOption) {
  const auto signers = Parse(
      "# people\n\n  \t\nalice namespaces=\"git,release@vpn.example\" " + KeyLine() + " a note\n" +
      "bob,robert\tNameSpaces=\"git\",VALID-AFTER=\"20260101Z\",valid-before=\"202701012359Z\" " +
      KeyLine("bob") + "\n  carol valid-before=\"20270101000001Z\",namespaces=\"git\"   " +
      KeyLine("carol"));
  ASSERT_TRUE(signers) << signers.error().message;
  ASSERT_EQ(signers->size(), 3U);
  const AllowedSigner& alice = signers->at(0);
  EXPECT_EQ(alice.principals, std::vector<std::string>{"alice"});
  EXPECT_EQ(alice.namespaces, (std::vector<std::string>{"git", "release@vpn.example"}));
  EXPECT_EQ(alice.key, SoftwareKey::ForTest("alice").public_key());
  EXPECT_FALSE(alice.valid_after_unix_s);
  const AllowedSigner& bob = signers->at(1);
  EXPECT_EQ(bob.principals, (std::vector<std::string>{"bob", "robert"}));
  EXPECT_EQ(bob.valid_after_unix_s, *ParseUtc("2026-01-01T00:00:00Z"));
  EXPECT_EQ(bob.valid_before_unix_s, *ParseUtc("2027-01-01T23:59:00Z"));
  EXPECT_EQ(signers->at(2).valid_before_unix_s, *ParseUtc("2027-01-01T00:00:01Z"));
}

TEST(AllowedSigners, ReadsWhatItWrites) {
  const std::vector<AllowedSigner> signers = {
      {{"alice"}, SoftwareKey::ForTest("alice").public_key(), {"git"}, {}, {}},
      {{"bob", "robert"},
       SoftwareKey::ForTest("bob", KeyType::kSkEcdsaP256).public_key(),
       {"git", "release@vpn.example"},
       *ParseUtc("2026-01-01T00:00:00Z"),
       *ParseUtc("2027-01-01T00:00:59Z")}};
  const auto read = Parse(WriteAllowedSigners(signers));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, signers);
  EXPECT_TRUE(Parse(WriteAllowedSigners({}))->empty());
}

// Trap: with such a line a key for git signs a release.
TEST(AllowedSigners, RefusesALineWithoutNamespaces) {
  ExpectUntrusted("alice " + KeyLine(), "no option namespaces: the key could sign everything");
  ExpectUntrusted("alice valid-after=\"20260101Z\" " + KeyLine(), "no option namespaces");
}

TEST(AllowedSigners, RefusesWhatSshKeygenWouldTakeMoreWidely) {
  ExpectUntrusted("alice cert-authority,namespaces=\"git\" " + KeyLine(), "'cert-authority'");
  ExpectUntrusted("alice CERT-Authority " + KeyLine(), "'cert-authority'");
  ExpectUntrusted("* namespaces=\"git\" " + KeyLine(), "principal '*' is a pattern");
  ExpectUntrusted("ali?e namespaces=\"git\" " + KeyLine(), "is a pattern");
  ExpectUntrusted("alice,!bob namespaces=\"git\" " + KeyLine(), "'!bob' is a pattern");
  ExpectUntrusted("alice namespaces=\"*@vpn.example\" " + KeyLine(), "is a pattern");
  const auto rsa = ReadFile(std::string(LETHE_VECTORS) + "/sshsig/rsa.pub").value();
  ExpectUntrusted("alice namespaces=\"git\" " + rsa, "of type ssh-rsa");
  const auto software = ReadFile(std::string(LETHE_VECTORS) + "/sshsig/software.pub").value();
  ExpectUntrusted("alice namespaces=\"git\" " + software, "of type ssh-ed25519");
}

TEST(AllowedSigners, RefusesOptionsThatAreNone) {
  const std::string key = " " + KeyLine();
  ExpectMalformed("alice namespaces=\"git\",namespaces=\"git\"" + key, "'namespaces' twice");
  ExpectMalformed("alice namespaces=\"git,git\"" + key, "'git' twice");
  ExpectMalformed("alice,alice namespaces=\"git\"" + key, "'alice' twice");
  ExpectMalformed("alice namespaces=\"git\",no-touch-required" + key, "is not known");
  ExpectMalformed("alice namespaces" + key, "has no value");
  ExpectMalformed("alice namespaces=git" + key, "is not in quotes");
  ExpectMalformed("alice namespaces=\"git" + key, "is not in quotes");
  ExpectMalformed("alice namespaces=\"\"" + key, "an empty namespace");
  ExpectMalformed("alice namespaces=\"git,\"" + key, "an empty namespace");
  ExpectMalformed("alice namespaces=\"g it\"" + key, "is not a plain name");
  ExpectMalformed("alice namespaces=\"git\\\"\"" + key, "is not");
  ExpectMalformed("alice, namespaces=\"git\"" + key, "an empty principal");
  ExpectMalformed("al\"ice namespaces=\"git\"" + key, "is not a plain name");
  ExpectMalformed("al\xc3\xa9 namespaces=\"git\"" + key, "is not a plain name");
  ExpectMalformed("alice namespaces=\"git\"valid-after=\"20260101Z\"" + key,
                  "not separated by commas");
  ExpectMalformed("alice", "");
  ExpectMalformed("alice namespaces=\"git\"", "not 'keytype base64'");
  ExpectMalformed("alice namespaces=\"git\" sk-ssh-ed25519@openssh.com", "");
}

TEST(AllowedSigners, RefusesTimesThatAreNone) {
  const auto line = [](const std::string& option) {
    return "alice namespaces=\"git\"," + option + " " + KeyLine();
  };
  for (const char* time : {"20260101", "202601010000", "20260101000000"}) {
    ExpectMalformed(line("valid-after=\"" + std::string(time) + "\""),
                    "ends without Z: it would mean each machine's own zone");
  }
  for (const char* time : {"Z", "2026Z", "2026010Z", "2026010100Z", "20260229Z", "20261301Z",
                           "202601012400Z", "20260101000060Z", "19691231Z", "19700101Z",
                           "2026-1-1Z", "+2026010Z", "20260101ZZ", " 20260101Z"}) {
    ExpectMalformed(line("valid-before=\"" + std::string(time) + "\""), "time '");
  }
  ExpectMalformed(line("valid-after=\"20260101Z\",valid-after=\"20260102Z\""), "twice");
  ExpectMalformed(line("valid-after=\"20260102Z\",valid-before=\"20260101Z\""),
                  "valid-before is not behind valid-after");
  ExpectMalformed(line("valid-after=\"20260101Z\",valid-before=\"20260101Z\""),
                  "valid-before is not behind valid-after");
}

TEST(AllowedSigners, HasLimits) {
  const std::string line = "alice namespaces=\"git\" " + KeyLine() + "\n";
  std::string many;
  for (size_t i = 0; i < kMaxAllowedSigners; ++i) many += line;
  EXPECT_EQ(Parse(many)->size(), kMaxAllowedSigners);
  const auto more = Parse(many + line);
  ASSERT_FALSE(more);
  EXPECT_NE(more.error().message.find("allowed_signers:4001: more than 4000 signers"),
            std::string::npos)
      << more.error().message;
  EXPECT_FALSE(Parse(std::string(kMaxAllowedSignersBytes + 1, '\n')));
  EXPECT_TRUE(Parse(std::string(kMaxAllowedSignersBytes, '\n')));
  std::string names = "n0";
  for (size_t i = 1; i < kMaxAllowedNames; ++i) names += ",n" + std::to_string(i);
  EXPECT_TRUE(Parse(names + line.substr(5)));
  ExpectMalformed(names + ",last" + line.substr(5), "more than 100 names");
}

TEST(AllowedSigners, NamesTheLine) {
  const auto signers = Parse("# one\nalice namespaces=\"git\" " + KeyLine() + "\nbob " + KeyLine());
  ASSERT_FALSE(signers);
  EXPECT_TRUE(signers.error().message.starts_with("allowed_signers:3: "))
      << signers.error().message;
}

}  // namespace
}  // namespace lethe::trust
