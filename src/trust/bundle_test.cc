#include "trust/bundle.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/utc.h"
#include "trust/bundle_fixture.h"
#include "trust/bundle_review.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kNamespace = "release@vpn.example";

const Policy& FixturePolicy() {
  static const Policy policy = MustParsePolicy(FixturePolicyText());
  return policy;
}

ReleaseBundle Good() { return FixtureBundle(FixtureRelease(FixturePolicy()), {"bob", "carol"}); }

Verdict<ProvenRelease> JudgeAt(const ReleaseBundle& bundle, int64_t at_unix_s,
                               const Policy& policy = FixturePolicy()) {
  return JudgeBundle(policy, bundle, at_unix_s, [&](const BundledReview& review) {
    return Verdict<ReviewVerdict>(FixtureReview(policy, review, at_unix_s));
  });
}

void ExpectRefused(const Verdict<ProvenRelease>& verdict, Reason reason,
                   std::string_view words = "") {
  ASSERT_FALSE(verdict);
  EXPECT_EQ(ToString(verdict.error().reason), ToString(reason)) << verdict.error().message;
  EXPECT_NE(verdict.error().message.find(words), std::string::npos) << verdict.error().message;
}

// With approvals of exactly these signatures.
ReleaseBundle ApprovedBy(std::vector<std::string> signatures) {
  ReleaseBundle bundle = Good();
  bundle.approvals = std::move(signatures);
  return bundle;
}

std::string Approval(std::string_view person, std::string_view message) {
  return FixtureSign(person, message, kNamespace);
}

TEST(Bundle, ProvesARelease) {
  const auto proven = JudgeAt(Good(), kFixtureNow);
  ASSERT_TRUE(proven) << proven.error().message;
  EXPECT_EQ(proven->statement().image.name, "lethe-vpn");
  ASSERT_EQ(proven->approvers().size(), 2U);
  EXPECT_EQ(proven->approvers()[0].person, "bob");
  EXPECT_EQ(proven->approvers()[1].person, "carol");
  EXPECT_EQ(proven->review().commits.size(), 2U);
}

TEST(Bundle, RefusesEachFaultOfAnApprovalWithItsReason) {
  const std::string statement = Good().statement;
  const std::string bob = Approval("bob", statement);
  const std::string carol = Approval("carol", statement);
  const auto with = [&](const std::string& second) {
    return JudgeAt(ApprovedBy({bob, second}), kFixtureNow);
  };
  const SoftwareKey key = SoftwareKey::ForTest("carol");
  ExpectRefused(with(Approval("mallory", statement)), Reason::kUnknownKey, "approval 2");
  ExpectRefused(with(Approval("carol", statement + " ")), Reason::kBadSignature);
  ExpectRefused(with(FixtureSign("carol", statement, "git")), Reason::kWrongNamespace);
  ExpectRefused(with(FixtureSign("carol", statement, "policy@vpn.example")),
                Reason::kWrongNamespace);
  ExpectRefused(with(key.SignSsh({statement, kNamespace}, {.flags = kFlagUserVerified})),
                Reason::kNoTouch);
  ExpectRefused(with(key.SignSsh({statement, kNamespace})), Reason::kNoPin);
  ExpectRefused(with(bob), Reason::kApprovedTwice, "bob approved already");
  ExpectRefused(with(Approval("alice", statement)), Reason::kOnlyAuthor, "alice");
  ExpectRefused(JudgeAt(ApprovedBy({bob}), kFixtureNow), Reason::kTooFewApprovals,
                "1 of 2 approvals by distinct people: bob");
  ExpectRefused(JudgeAt(ApprovedBy({}), kFixtureNow), Reason::kTooFewApprovals, "0 of 2");
  // More than are needed: each must count.
  ExpectRefused(JudgeAt(ApprovedBy({bob, carol, Approval("mallory", statement)}), kFixtureNow),
                Reason::kUnknownKey, "approval 3");
}

TEST(Bundle, RefusesKeysThatAreRevokedOrOverAtTheBound) {
  const std::string fingerprint = SoftwareKey::ForTest("carol").public_key().Fingerprint();
  const Policy revoked = MustParsePolicy(FixturePolicyText() + "[[revoked]]\nkey = \"" +
                                         fingerprint + "\"\nreason = \"lost\"\n");
  // Of two: the policy would be one that nobody could satisfy with fewer.
  ExpectRefused(
      JudgeAt(FixtureBundle(FixtureRelease(revoked), {"bob", "carol"}), kFixtureNow, revoked),
      Reason::kKeyRevoked, "lost");
  ReleaseStatement later = FixtureRelease(FixturePolicy());
  later.not_before_unix_s = *ParseUtc("2026-12-25T00:00:00Z");
  later.expires_unix_s = *ParseUtc("2027-01-08T00:00:00Z");
  const ReleaseBundle bundle = FixtureBundle(later, {"bob", "carol"});
  EXPECT_TRUE(JudgeAt(bundle, *ParseUtc("2026-12-31T23:59:59Z")));
  ExpectRefused(JudgeAt(bundle, *ParseUtc("2027-01-01T00:00:00Z")), Reason::kKeyExpired);
}

TEST(Bundle, OneOfSeveralAuthorsMayApprove) {
  const ReleaseBundle bundle = FixtureBundle(FixtureRelease(FixturePolicy()), {"alice", "carol"});
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kOnlyAuthor);
  const auto proven =
      JudgeBundle(FixturePolicy(), bundle, kFixtureNow, [&](const BundledReview& review) {
        ReviewVerdict verdict = FixtureReview(FixturePolicy(), review, kFixtureNow);
        verdict.commits.back().authors = {"alice", "bob"};
        return Verdict<ReviewVerdict>(verdict);
      });
  EXPECT_TRUE(proven) << proven.error().message;
}

TEST(Bundle, ItsReviewStandsBeforeAnybodyApproves) {
  const ReleaseStatement statement = FixtureRelease(FixturePolicy());
  const BundledReview review = FixtureBundle(statement, {}).review;
  const auto verdict = VerifyBundledReview(FixturePolicy(), statement, review, kFixtureNow);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_EQ(verdict->Authors(), std::vector<std::string>{"alice"});
  const auto alice = CheckApprover(*verdict, "alice");
  ASSERT_FALSE(alice);
  EXPECT_EQ(alice.error().reason, Reason::kOnlyAuthor);
  EXPECT_TRUE(CheckApprover(*verdict, "bob"));
  EXPECT_TRUE(CheckApprover(*verdict, ""));
  ReleaseStatement other = statement;
  other.since.reset();
  const auto refused = VerifyBundledReview(FixturePolicy(), other, review, kFixtureNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kWrongObject);
}

TEST(Bundle, AnApprovalHasOneSpelling) {
  const ReleaseBundle bundle = Good();
  const ReviewVerdict review = FixtureReview(FixturePolicy(), bundle.review, kFixtureNow);
  const auto check = [&](const std::string& armoured, const std::vector<Signer>& others) {
    return CheckReleaseApproval(FixturePolicy(), bundle.statement, armoured, review, others);
  };
  const auto bob = check(bundle.approvals[0], {});
  ASSERT_TRUE(bob) << bob.error().message;
  const auto again = check(bundle.approvals[0], {*bob});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason, Reason::kApprovedTwice);
  // Any reader of armour takes this one.
  std::string wide = bundle.approvals[0];
  wide.erase(wide.find('\n', wide.find('\n') + 1), 1);
  ASSERT_TRUE(ParseSshSignature(wide));
  const auto refused = check(wide, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kMalformed);
}

TEST(Bundle, IsForOnePolicyAndOneTime) {
  const ReleaseStatement release = FixtureRelease(FixturePolicy());
  ExpectRefused(JudgeAt(Good(), release.not_before_unix_s - 1), Reason::kNotYetValid);
  ExpectRefused(JudgeAt(Good(), release.expires_unix_s), Reason::kExpired);
  ExpectRefused(JudgeAt(Good(), kFixtureNow, MustParsePolicy(FixturePolicyText() + "# another\n")),
                Reason::kOtherPolicy);
}

constexpr const char* kBuilderKey = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

TEST(Bundle, PartsThatThePolicyAsksForAreNeverOptional) {
  const std::string builders = Replaced(FixturePolicyText(), "builders = 0", "builders = 1") +
                               "[[builder]]\nname = \"one\"\noperator = \"one\"\nkey = \"" +
                               kBuilderKey + "\"\n";
  Policy policy = MustParsePolicy(builders);
  const auto judge = [&] {
    return JudgeAt(FixtureBundle(FixtureRelease(policy), {"bob", "carol"}), kFixtureNow, policy);
  };
  ExpectRefused(judge(), Reason::kBuildersMissing, "1 builder");
  policy = FixturePolicy();
  policy.release.log = true;
  ExpectRefused(judge(), Reason::kLogMissing);
}

TEST(Bundle, PartsThatNobodyCanJudgeAreRefused) {
  ReleaseBundle bundle = Good();
  bundle.builders.push_back({std::string(kInTotoPayloadType), "{}", {{"", "x"}}});
  ASSERT_TRUE(ParseBundle(WriteBundle(bundle)));
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kUnknownPart, "builders");
  bundle = Good();
  bundle.log_proof = "c2sp.org/tlog-proof@v1\n";
  ASSERT_TRUE(ParseBundle(WriteBundle(bundle)));
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kUnknownPart, "log");
}

TEST(Bundle, ItsReviewIsOfExactlyTheReleasedRange) {
  ReleaseBundle bundle = Good();
  bundle.review.tip = *git::ObjectId::FromHex(std::string(40, 'f'));
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kWrongObject, "is released");
  for (const bool none : {false, true}) {
    bundle = Good();
    bundle.review.base = *git::ObjectId::FromHex(std::string(40, 'f'));
    if (none) bundle.review.base.reset();
    ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kWrongObject, "the statement says");
  }
  bundle = Good();
  bundle.review.commit_objects.push_back(FixtureCommit("mallory", {}));
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kWrongObject, "other commits");
  bundle = Good();
  bundle.review.statements.push_back({std::string(kInTotoPayloadType), "{}", {{"", "x"}}});
  ExpectRefused(JudgeAt(bundle, kFixtureNow), Reason::kWrongObject, "no commit of the range needs");
}

TEST(Bundle, ReviewsThatRefuseOrAreOfSomethingElseRefuseIt) {
  const auto judge = [](void (*change)(ReviewVerdict&)) {
    return JudgeBundle(FixturePolicy(), Good(), kFixtureNow, [&](const BundledReview& review) {
      ReviewVerdict verdict = FixtureReview(FixturePolicy(), review, kFixtureNow);
      change(verdict);
      return Verdict<ReviewVerdict>(verdict);
    });
  };
  ExpectRefused(judge([](ReviewVerdict& v) {
                  v.commits[0].refusals.push_back({Reason::kNoTouch, "nobody touched"});
                }),
                Reason::kNoTouch, "review: commit ");
  ExpectRefused(judge([](ReviewVerdict& v) { v.commits.clear(); }), Reason::kWrongObject,
                "no commit");
  ExpectRefused(judge([](ReviewVerdict& v) { v.at_unix_s += 1; }), Reason::kWrongObject);
  ExpectRefused(judge([](ReviewVerdict& v) { v.policy_sha256.clear(); }), Reason::kWrongObject);
  ExpectRefused(judge([](ReviewVerdict& v) { v.base.reset(); }), Reason::kWrongObject);
  const auto failed = JudgeBundle(FixturePolicy(), Good(), kFixtureNow, [](const BundledReview&) {
    return Verdict<ReviewVerdict>(Refusal{Reason::kWrongObject, "no commit x"});
  });
  ExpectRefused(failed, Reason::kWrongObject, "review: no commit x");
}

// A human review by carol, as `lethe review approve` writes it.
DsseEnvelope HumanReview() {
  DsseEnvelope envelope{std::string(kInTotoPayloadType), "{}", {}};
  envelope.signatures.push_back(
      {SoftwareKey::ForTest("carol").public_key().Fingerprint(),
       FixtureSign("carol", DssePae(envelope.payload_type, envelope.payload),
                   "review@vpn.example")});
  return envelope;
}

TEST(ParseBundle, ReadsWhatWasWritten) {
  ReleaseBundle bundle = Good();
  bundle.review.statements.push_back(HumanReview());
  for (const bool base : {true, false}) {
    if (!base) bundle.review.base.reset();
    const std::string text = WriteBundle(bundle);
    const auto parsed = ParseBundle(text);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(WriteBundle(*parsed), text);
    EXPECT_EQ(parsed->approvals, bundle.approvals);
    EXPECT_EQ(parsed->review.commit_objects, bundle.review.commit_objects);
    EXPECT_EQ(parsed->review.statements.size(), 1U);
  }
}

void ExpectMalformed(const std::string& text, std::string_view place) {
  const auto parsed = ParseBundle(text);
  ASSERT_FALSE(parsed) << place;
  EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
  EXPECT_NE(parsed.error().message.find(place), std::string::npos) << parsed.error().message;
}

TEST(ParseBundle, IsMalformedWithItsPlace) {
  const std::string good = WriteBundle(Good());
  const struct {
    std::string from, to;
    std::string_view place;
  } kBad[] = {
      {"\"version\":1", "\"version\":2", "'version': 2 is not known"},
      {"\"version\":1", "\"version\":\"1\"", "'version'"},
      {"release-bundle+json", "other+json", "'mediaType'"},
      {"\"log_proof\":null", "\"log_proof\":\"\"", "'log_proof'"},
      {"\"log_proof\":null,", "", "'log_proof'"},
      {"\"builders\":[]", "\"builders\":[{}]", "builders[0]"},
      {"\"builders\":[]", "\"builders\":{}", "'builders'"},
      {"\"builders\":[],", "", "'builders'"},
      {"\"builders\":[],", "\"builders\":[],\"builders\":[],", "twice"},
      {"\"review\":{", "\"review\":{\"x\":0,", "one spelling"},
      {"\"statements\":[]", "\"statements\":null", "'statements'"},
      {"\"commits\":[\"", "\"commits\":[\"*", "commits[0]"},
      {"\"commits\":[\"", "\"commits\":[0,\"", "commits[0]"},
      {"\"tip\":\"", "\"tip\":\"0", "'tip'"},
      {"\"base\":\"", "\"base\":\"0", "'base'"},
      {"\"approvals\":[\"-", "\"approvals\":[\"", "approvals[0]"},
      {"\"statement\":\"{", "\"statement\":\"", "release statement"},
      {"BEGIN SSH SIGNATURE-----\\nU1NI", "BEGIN SSH SIGNATURE-----\\nU1N\\nI", "approvals[0]"},
      {"{\"approvals\"", "{\"a\":\"\xff\",\"approvals\"", "JSON"},
  };
  for (const auto& bad : kBad) ExpectMalformed(Replaced(good, bad.from, bad.to), bad.place);
  ExpectMalformed("", "JSON");
  ExpectMalformed("[]", "object");
  ExpectMalformed(good + "{}", "JSON");
  ExpectMalformed(good + "\n", "one spelling");
  ExpectMalformed(std::string(100'000, '['), "nested deeper than 8");
  ExpectMalformed(std::string(kMaxBundleBytes + 1, ' '), "larger");
  std::string many = Replaced(good, "\"approvals\":[", "\"approvals\":[\"\",");
  for (int i = 0; i < 64; ++i) many = Replaced(many, "\"approvals\":[", "\"approvals\":[\"\",");
  ExpectMalformed(many, "'approvals'");
}

TEST(ParseBundle, KeyIdsOfReviewsAreThoseOfTheirKeys) {
  ReleaseBundle bundle = Good();
  bundle.review.statements.push_back(HumanReview());
  bundle.review.statements[0].signatures[0].keyid = "SHA256:other";
  ExpectMalformed(WriteBundle(bundle), "keyid");
}

TEST(ParseBundle, NoTruncatedAndNoFlippedByteIsEverAccepted) {
  ReleaseBundle bundle = Good();
  const std::string good = WriteBundle(bundle);
  const auto accepted = [](const std::string& text) {
    const auto parsed = ParseBundle(text);
    return parsed && JudgeAt(*parsed, kFixtureNow);
  };
  ASSERT_TRUE(accepted(good));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(accepted(good.substr(0, size))) << size;
  for (size_t at = 0; at < good.size(); ++at) {
    const int bit = static_cast<int>(at % 7);
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
    EXPECT_FALSE(accepted(flipped)) << "byte " << at << ", bit " << bit;
  }
}

// With the real review of the bundle's own commits.
TEST(VerifyBundle, JudgesTheReviewFromTheBundlesCommits) {
  const auto proven = VerifyBundle(FixturePolicy(), Good(), kFixtureNow);
  ASSERT_TRUE(proven) << proven.error().message;
  ASSERT_EQ(proven->review().commits.size(), 2U);
  EXPECT_EQ(proven->review().commits.back().author, "bob");
  EXPECT_EQ(proven->review().commits.back().authors, std::vector<std::string>{"alice"});
}

TEST(VerifyBundle, RefusesOtherCommitsThanThoseOfTheRange) {
  const auto with = [](std::vector<std::string> commits) {
    ReleaseBundle bundle = Good();
    bundle.review.commit_objects = std::move(commits);
    return VerifyBundle(FixturePolicy(), bundle, kFixtureNow);
  };
  const std::vector<std::string> good = Good().review.commit_objects;
  EXPECT_TRUE(with(good));
  ExpectRefused(with({}), Reason::kWrongObject);
  ExpectRefused(with({good[1]}), Reason::kWrongObject);
  ExpectRefused(with({good[0]}), Reason::kWrongObject);
  ExpectRefused(with({good[1], good[0]}), Reason::kWrongObject, "another order");
  ExpectRefused(with({good[0], good[0], good[1]}), Reason::kWrongObject, "other commits");
  ExpectRefused(with({good[0], good[1], FixtureCommit("alice", {})}), Reason::kWrongObject,
                "other commits");
  std::string changed = good[0];
  changed.back() = ' ';
  ExpectRefused(with({changed, good[1]}), Reason::kWrongObject);
}

TEST(VerifyBundle, RefusesAHistoryThatTheReviewRefuses) {
  // alice merges her own change.
  const std::string base(40, 'b');
  const std::string change = FixtureCommit("alice", {base});
  const std::string merge = FixtureCommit("alice", {base, FixtureCommitId(change)});
  ReleaseStatement release = FixtureRelease(FixturePolicy());
  release.image.commit = FixtureCommitId(merge);
  ReleaseBundle bundle = FixtureBundle(release, {"bob", "carol"});
  bundle.review.tip = release.commit();
  bundle.review.commit_objects = {change, merge};
  ExpectRefused(VerifyBundle(FixturePolicy(), bundle, kFixtureNow), Reason::kOnePerson,
                "review: commit");
}

TEST(VerifyBundle, NoFlippedByteOfACommitIsEverAccepted) {
  const ReleaseBundle good = Good();
  for (size_t i = 0; i < good.review.commit_objects.size(); ++i) {
    for (size_t at = 0; at < good.review.commit_objects[i].size(); ++at) {
      ReleaseBundle bundle = good;
      char& byte = bundle.review.commit_objects[i][at];
      byte = static_cast<char>(byte ^ (1 << (at % 8)));
      EXPECT_FALSE(VerifyBundle(FixturePolicy(), bundle, kFixtureNow)) << i << ": " << at;
    }
  }
}

}  // namespace
}  // namespace lethe::trust
