#include "trust/release.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "trust/bundle_fixture.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

const Policy& FixturePolicy() {
  static const Policy policy = MustParsePolicy(FixturePolicyText());
  return policy;
}

std::string Good() { return WriteReleaseStatement(FixtureRelease(FixturePolicy())); }

void ExpectMalformed(const std::string& text, std::string_view place) {
  const auto parsed = ParseReleaseStatement(text);
  ASSERT_FALSE(parsed) << text;
  EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
  EXPECT_NE(parsed.error().message.find(place), std::string::npos) << parsed.error().message;
}

TEST(ReleaseStatement, IsWrittenAndReadBack) {
  for (const bool sha256 : {false, true}) {
    for (const bool since : {false, true}) {
      ReleaseStatement release = FixtureRelease(FixturePolicy());
      if (sha256) {
        release.image.commit = std::string(64, 'c');
        release.since = *git::ObjectId::FromHex(std::string(64, 'd'));
        release.tree_sha256.reset();
      }
      if (!since) release.since.reset();
      const std::string text = WriteReleaseStatement(release);
      const auto parsed = ParseReleaseStatement(text);
      ASSERT_TRUE(parsed) << parsed.error().message;
      EXPECT_EQ(WriteReleaseStatement(*parsed), text);
      EXPECT_EQ(parsed->commit().Hex(), release.image.commit);
      EXPECT_EQ(parsed->since, release.since);
      EXPECT_EQ(parsed->tree_sha256, release.tree_sha256);
    }
  }
}

TEST(ReleaseStatement, IsAnInTotoStatementAboutTheFilesOnDisk) {
  const auto statement = ParseStatement(Good());
  ASSERT_TRUE(statement);
  EXPECT_EQ(statement->predicate_type, "https://in-toto.io/attestation/release/v0.2");
  ASSERT_EQ(statement->subjects.size(), 2U);
  EXPECT_EQ(statement->subjects[0].name, "lethe-vpn-20261125-0123456789ab.iso");
  EXPECT_EQ(statement->subjects[0].digest.at("sha256"), crypto::Sha256Of("iso").Hex());
  EXPECT_EQ(statement->subjects[1].name, "lethe-vpn-20261125-0123456789ab.manifest.json");
  EXPECT_EQ(*statement->predicate.Find("purl")->AsString(),
            "pkg:generic/lethe-vpn@20261125-0123456789ab");
}

TEST(ReleaseStatement, IsMalformedWithItsPlace) {
  const std::string good = Good();
  const struct {
    std::string from, to;
    std::string_view place;
  } kBad[] = {
      {"release/v0.2", "release/v0.1", "predicateType"},
      {"\"predicate\":{", "\"predicate\":{\"x\":1,", "one spelling"},
      {"{\"_type\"", "{ \"_type\"", "one spelling"},
      {".manifest.json", ".manifest.txt", "one spelling"},
      {"pkg:generic", "pkg:debian", "one spelling"},
      {"\"iso_bytes\":100", "\"iso_bytes\":0", "'iso_bytes'"},
      {"\"iso_bytes\":100", "\"iso_bytes\":\"100\"", "'iso_bytes'"},
      {"\"iso_bytes\":100", "\"iso_bytes\":1099511627777", "'iso_bytes'"},
      {"\"number\":3", "\"number\":-3", "'number'"},
      {"\"not_before\":\"2026-11-25T11:00:00Z\"", "\"not_before\":\"2026-11-25\"", "'not_before'"},
      {"\"expires\":\"2026-12-09T11:00:00Z\"", "\"expires\":\"2026-11-25T11:00:00Z\"", "'expires'"},
      {"\"since\":{\"gitCommit\":\"" + std::string(40, 'b') + "\"}",
       "\"since\":{\"gitCommit\":\"" + std::string(64, 'b') + "\"}", "'since'"},
      {"\"since\":{\"gitCommit\":\"" + std::string(40, 'b') + "\"}", "\"since\":\"x\"", "'since'"},
      {"\"version\":\"20261125-0123456789ab\"", "\"version\":\"../x\"", "'version'"},
      {"\"name\":\"lethe-vpn\"", "\"name\":\"\"", "'name'"},
      {"\"domain\":\"vpn.example\",", "", "'domain'"},
  };
  for (const auto& bad : kBad) ExpectMalformed(Replaced(good, bad.from, bad.to), bad.place);
  ExpectMalformed("", "JSON");
  ExpectMalformed(good + "x", "JSON");
  ExpectMalformed(good + "\n", "one spelling");
  ExpectMalformed(good + std::string(kMaxReleaseStatementBytes, ' '), "64 KiB");
}

TEST(ReleaseStatement, NeedsTheTreesDigestExactlyForSha1) {
  ReleaseStatement release = FixtureRelease(FixturePolicy());
  const std::string with = WriteReleaseStatement(release);
  const std::string tree = ",\"sha256\":\"" + release.tree_sha256->Hex() + "\"";
  ExpectMalformed(Replaced(with, tree, ""), "'sha256'");
  release.image.commit = std::string(64, 'c');
  release.since.reset();
  ExpectMalformed(WriteReleaseStatement(release), "one spelling");
}

TEST(CheckReleaseTerms, HoldsFromItsBeginToItsEnd) {
  const ReleaseStatement release = FixtureRelease(FixturePolicy());
  const auto reason_at = [&](int64_t at) -> std::optional<Reason> {
    const auto verdict = CheckReleaseTerms(FixturePolicy(), release, at);
    if (verdict) return {};
    return verdict.error().reason;
  };
  EXPECT_EQ(reason_at(release.not_before_unix_s - 1), Reason::kNotYetValid);
  EXPECT_EQ(reason_at(release.not_before_unix_s), std::nullopt);
  EXPECT_EQ(reason_at(release.expires_unix_s - 1), std::nullopt);
  EXPECT_EQ(reason_at(release.expires_unix_s), Reason::kExpired);
}

TEST(CheckReleaseTerms, HoldsForNoLongerThanThePolicyAllows) {
  ReleaseStatement release = FixtureRelease(FixturePolicy());
  release.expires_unix_s += 1;
  const auto verdict = CheckReleaseTerms(FixturePolicy(), release, kFixtureNow);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().reason, Reason::kExpired);
  EXPECT_NE(verdict.error().message.find("14 days"), std::string::npos);
}

TEST(CheckReleaseTerms, RefusesAnotherPolicy) {
  const ReleaseStatement release = FixtureRelease(FixturePolicy());
  const std::string text = FixturePolicyText();
  for (const std::string& other :
       {text + "# other bytes\n", Replaced(text, "number = 3", "number = 4"),
        Replaced(text, "vpn.example", "other.example")}) {
    const auto verdict = CheckReleaseTerms(MustParsePolicy(other), release, kFixtureNow);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().reason, Reason::kOtherPolicy);
  }
}

TEST(CheckReleasedImage, NamesWhatDiffers) {
  const ReleaseStatement release = FixtureRelease(FixturePolicy());
  EXPECT_TRUE(CheckReleasedImage(release, release.image));
  const struct {
    void (*change)(ReleasedImage&);
    std::string_view what;
  } kChanges[] = {
      {[](ReleasedImage& i) { i.iso_bytes += 1; }, "ISO's size"},
      {[](ReleasedImage& i) { i.iso_sha256.bytes[31] ^= 1; }, "ISO's sha256"},
      {[](ReleasedImage& i) { i.manifest_sha256.bytes[0] ^= 1; }, "manifest's sha256"},
      {[](ReleasedImage& i) { i.name = "other"; }, "ISO's name"},
      {[](ReleasedImage& i) { i.version = "20261126"; }, "ISO's version"},
      {[](ReleasedImage& i) { i.commit = std::string(40, 'f'); }, "ISO's commit"},
  };
  for (const auto& change : kChanges) {
    ReleasedImage found = release.image;
    change.change(found);
    const auto verdict = CheckReleasedImage(release, found);
    ASSERT_FALSE(verdict) << change.what;
    EXPECT_EQ(verdict.error().reason, Reason::kWrongImage);
    EXPECT_NE(verdict.error().message.find(change.what), std::string::npos)
        << verdict.error().message;
  }
}

}  // namespace
}  // namespace lethe::trust
