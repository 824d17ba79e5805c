// Who signed, who reviewed: signatures of commits, two people behind each change, statements.
#include "trust/review.h"

#include <gtest/gtest.h>

#include "trust/human_review.h"
#include "trust/review_fixture.h"

namespace lethe::trust {
namespace {

using git::ObjectId;

TEST(Review, AcceptsWhatTwoPeopleStandBehind) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const auto verdict = f.Check(root);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_TRUE(verdict->ok());
  const CommitReview& review = ReviewOf(*verdict, root);
  EXPECT_EQ(review.author, "alice");
  EXPECT_EQ(review.fingerprint, SoftwareKey::ForTest("alice").public_key().Fingerprint());
  EXPECT_EQ(review.authors, std::vector<std::string>{"alice"});
  EXPECT_EQ(review.reviewers, std::vector<std::string>{"bob"});
  EXPECT_EQ(review.owned, (std::vector<std::string>{"CODEOWNERS: bob", "a: bob"}));
  EXPECT_EQ(verdict->Authors(), std::vector<std::string>{"alice"});
  EXPECT_EQ(verdict->policy_sha256, MustParsePolicy(f.policy).sha256.Hex());
  EXPECT_EQ(verdict->statements.size(), 1u);
  EXPECT_EQ(verdict->commit_objects.size(), 1u);
}

TEST(Review, AcceptsInASha256Repository) {
  ReviewFixture f(git::ObjectFormat::kSha256);
  const ObjectId root = f.Root();
  EXPECT_EQ(f.Reasons(root), "ok");
  f.statements.clear();
  EXPECT_EQ(f.Reasons(root), "no-owner one-person");
}

struct BadCommit {
  const char* what;
  CommitSpec spec;
  const char* reason;
};

TEST(Review, RefusesSignaturesOfCommitsEachForItsReason) {
  const std::string pgp = "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n";
  const BadCommit kBad[] = {
      {"nobody signed", {.person = ""}, "unsigned"},
      {"nobody touched the key", {.flags = 0}, "no-touch"},
      {"a PIN is no touch", {.flags = kFlagUserVerified}, "no-touch"},
      {"a stranger's key", {.person = "mallory"}, "unknown-key"},
      {"made as a review", {.name_space = "review@vpn.example"}, "wrong-namespace"},
      {"made as a release", {.name_space = "release@vpn.example"}, "wrong-namespace"},
      {"over another commit", {.signs = "tree 0\n"}, "bad-signature"},
      {"OpenPGP", {.signature = pgp}, "unknown-key"},
      {"no armour", {.signature = "hello"}, "malformed"},
  };
  for (const BadCommit& bad : kBad) {
    ReviewFixture f;
    const ObjectId root = f.Root();
    CommitSpec spec = bad.spec;
    spec.parents = {root};
    spec.files = {{"a", "2\n"}};
    const ObjectId commit = f.Commit(spec);
    f.Approve("bob", commit);
    EXPECT_EQ(f.Reasons(commit), bad.reason) << bad.what;
    EXPECT_EQ(f.Reasons(commit, root), "ok") << bad.what;
  }
}

TEST(Review, AsksForThePinWhereThePolicyDoes) {
  ReviewFixture f;
  const uint8_t pin = kFlagUserPresent | kFlagUserVerified;
  const ObjectId with = f.Commit({.files = {{"a", "1\n"}}, .flags = pin});
  f.Approve("bob", with, {.flags = pin});
  const ObjectId without = f.Commit({.parents = {with}, .files = {{"a", "2\n"}}});
  f.Approve("bob", without, {.flags = pin});
  const ObjectId unread = f.Commit({.parents = {without}, .files = {{"a", "3\n"}}, .flags = pin});
  f.Approve("bob", unread);
  EXPECT_EQ(f.Reasons(unread, with), "ok");
  EXPECT_EQ(f.Reasons(unread, without), "ok");
  f.policy = Replaced(f.policy, "owners_file = \"CODEOWNERS\"\npin = false",
                      "owners_file = \"CODEOWNERS\"\npin = true");
  EXPECT_EQ(f.Reasons(unread, with), "ok");
  EXPECT_EQ(f.Reasons(unread, without), "no-pin");
  EXPECT_EQ(f.Reasons(unread, unread), "no-owner no-pin");
}

TEST(Review, JudgesKeysAtTheBoundAndNeverAtTheClaimedDate) {
  // carol's key holds through 2026; the commit claims a day inside, and one outside.
  ReviewFixture f;
  const ObjectId root = f.Root();
  for (const char* claimed : {"1779000000", "1000000000", "4000000000"}) {
    const ObjectId commit =
        f.Commit({.person = "carol", .parents = {root}, .files = {{"a", "2\n"}}, .date = claimed});
    f.Approve("bob", commit);
    f.at_unix_s = kReviewTime;
    EXPECT_EQ(f.Reasons(commit), "ok") << claimed;
    f.at_unix_s = 1'798'761'600;  // 2027-01-01
    EXPECT_EQ(f.Reasons(commit), "key-expired") << claimed;
    f.at_unix_s = 1'767'225'599;  // a second before 2026
    EXPECT_EQ(f.Reasons(commit), "key-not-yet-valid") << claimed;
  }
}

TEST(Review, RefusesRevokedKeysAndKeysForOtherUses) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.person = "carol", .parents = {root}, .files = {{"a", "2\n"}}});
  f.Approve("bob", commit);
  EXPECT_EQ(f.Reasons(commit), "ok");
  const std::string before = f.policy;
  f.policy += "\n[[revoked]]\nkey = \"" + SoftwareKey::ForTest("carol").public_key().Fingerprint() +
              "\"\nreason = \"lost\"\n";
  EXPECT_EQ(f.Reasons(commit), "key-revoked");
  f.policy = Replaced(before, "may = [\"commit\", \"review\", \"release\"]",
                      "may = [\"review\", \"release\"]");
  EXPECT_EQ(f.Reasons(commit), "key-may-not");
}

TEST(Review, NeedsASecondPersonBehindACommit) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  EXPECT_EQ(f.Reasons(commit), "no-owner one-person");
  f.Approve("alice", commit);  // the author's own review
  EXPECT_EQ(f.Reasons(commit), "no-owner one-person");
  f.Approve("bob", commit);
  EXPECT_EQ(f.Reasons(commit), "ok");
}

TEST(Review, NeedsASecondPersonBehindACommitThatChangesNothing) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "1\n"}}});
  EXPECT_EQ(f.Reasons(commit), "one-person");
}

TEST(Review, AMergeByAnotherPersonIsAReview) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId side = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId merge =
      f.Commit({.person = "bob", .parents = {root, side}, .files = {{"a", "2\n"}}});
  const auto verdict = f.Check(merge);
  ASSERT_TRUE(verdict) << verdict.error().message;
  EXPECT_TRUE(verdict->ok());
  EXPECT_FALSE(ReviewOf(*verdict, side).mainline);
  EXPECT_TRUE(ReviewOf(*verdict, merge).mainline);
  EXPECT_EQ(ReviewOf(*verdict, merge).authors, std::vector<std::string>{"alice"});
  EXPECT_EQ(ReviewOf(*verdict, merge).reviewers, std::vector<std::string>{"bob"});
  EXPECT_EQ(verdict->Authors(), std::vector<std::string>{"alice"});
  EXPECT_EQ(*ReviewJson(*verdict).Find("authors")->AsArray(), json::Array{"alice"});
}

TEST(Review, AMergeByAnAuthorIsNone) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId one = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId own = f.Commit({.parents = {root, one}, .files = {{"a", "2\n"}}});
  EXPECT_EQ(f.Reasons(own), "no-owner one-person");
  // Two people wrote the branch; one of them merges it: half of it has one person.
  const ObjectId two =
      f.Commit({.person = "bob", .parents = {one}, .files = {{"a", "2\n"}, {"b", "1\n"}}});
  const ObjectId mixed =
      f.Commit({.person = "bob", .parents = {root, two}, .files = {{"a", "2\n"}, {"b", "1\n"}}});
  EXPECT_EQ(f.Reasons(mixed), "no-owner one-person");
  f.Approve("alice", mixed);
  EXPECT_EQ(f.Reasons(mixed), "no-owner one-person");
  f.Approve("carol", mixed);
  EXPECT_EQ(f.Reasons(mixed), "ok");
}

TEST(Review, AMergeOfNothingIsNoReview) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId next = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  f.Approve("bob", next);
  const ObjectId merge = f.Commit({.parents = {next, root}, .files = {{"a", "2\n"}}});
  EXPECT_EQ(f.Reasons(merge), "one-person");
}

TEST(Review, AnOctopusNeedsSomebodyWhoWroteNoneOfItsArms) {
  for (const auto& [merger, reasons] :
       std::map<std::string, std::string>{{"carol", "ok"}, {"bob", "no-owner one-person"}}) {
    ReviewFixture f;
    const ObjectId root = f.Root();
    const ObjectId one = f.Commit({.parents = {root}, .files = {{"a", "1\n"}, {"b", "1\n"}}});
    const ObjectId two =
        f.Commit({.person = "bob", .parents = {root}, .files = {{"a", "1\n"}, {"c", "1\n"}}});
    const ObjectId merge = f.Commit({.person = merger,
                                     .parents = {root, one, two},
                                     .files = {{"a", "1\n"}, {"b", "1\n"}, {"c", "1\n"}}});
    EXPECT_EQ(f.Reasons(merge), reasons) << merger;
  }
}

TEST(Review, CommitsOfAFastForwardedBranchNeedAReviewEach) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId one = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId two = f.Commit({.parents = {one}, .files = {{"a", "3\n"}}});
  f.Approve("bob", two);
  EXPECT_EQ(f.Reasons(two, one), "no-owner one-person");
  EXPECT_EQ(f.Reasons(two, two), "ok");
}

struct BadReview {
  const char* what;
  const char* person;
  ReviewSpec spec;
  const char* reasons;
};

TEST(Review, RefusesStatementsEachForItsReason) {
  const BadReview kBad[] = {
      {"nobody touched the key", "bob", {.flags = 0}, "no-owner no-touch"},
      {"made as a commit", "bob", {.name_space = "git"}, "no-owner wrong-namespace"},
      {"of another domain", "bob", {.name_space = "review@evil"}, "no-owner wrong-namespace"},
      {"a stranger's", "mallory", {}, "no-owner unknown-key"},
      {"over another tree", "bob", {.tree_sha256 = std::string(64, '1')}, "no-owner wrong-object"},
  };
  for (const BadReview& bad : kBad) {
    ReviewFixture f;
    const ObjectId root = f.Root();
    const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
    f.Approve(bad.person, commit, bad.spec);
    EXPECT_EQ(f.Reasons(commit), bad.reasons) << bad.what;
    f.Approve("carol", commit);  // what does not count is in nobody's way
    EXPECT_EQ(f.Reasons(commit), "ok") << bad.what;
  }
}

TEST(Review, CountsOnlyStatementsThatSayPass) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  f.Approve("bob", commit,
            {.payload = WriteHumanReview(
                 {.commit = commit, .tree_sha256 = crypto::Sha256Digest{}, .result = "fail\n"})});
  EXPECT_EQ(f.Reasons(commit), "no-owner one-person");
  const auto verdict = f.Check(commit);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(ReviewOf(*verdict, commit).refusals[0].message,
            "a statement about it says 'fail\\x0a'");
}

TEST(Review, IgnoresStatementsThatAreNotAboutTheRange) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}});
  const ObjectId other = f.Commit({.parents = {root}, .files = {{"a", "3\n"}}});
  f.Approve("bob", other);
  f.Approve("bob", commit,
            {.payload = R"({"_type":"https://in-toto.io/Statement/v1","predicate":{},)"
                        R"("predicateType":"https://example.org/other","subject":[{"digest":)"
                        R"({"gitCommit":")" +
                        commit.Hex() + "\"}}]}"});
  EXPECT_EQ(f.Reasons(commit), "no-owner one-person");
}

TEST(Review, AMalformedStatementOrSignatureIsMalformedHoweverManyAreGood) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  f.statements.push_back(f.statements[0]);
  f.statements.back().signatures[0].sig = "-----BEGIN SSH SIGNATURE-----\n";
  EXPECT_EQ(f.Reasons(root), "malformed");
  f.statements.back() = f.statements[0];
  f.statements.back().payload = "{";
  EXPECT_EQ(f.Reasons(root), "failed: malformed");
}

TEST(Review, JsonSaysWhoAndWhy) {
  ReviewFixture f;
  const ObjectId root = f.Root();
  const ObjectId commit = f.Commit({.parents = {root}, .files = {{"a", "2\n"}}, .flags = 0});
  const auto verdict = f.Check(commit);
  ASSERT_TRUE(verdict);
  const json::Value value = ReviewJson(*verdict);
  EXPECT_EQ(*value.Find("ok")->AsBool(), false);
  EXPECT_EQ(*value.Find("tip")->AsString(), commit.Hex());
  EXPECT_TRUE(value.Find("base")->IsNull());
  const json::Array& commits = *value.Find("commits")->AsArray();
  ASSERT_EQ(commits.size(), 2u);
  EXPECT_EQ(*commits[0].Find("ok")->AsBool(), true);
  EXPECT_EQ(*commits[0].Find("reviewers")->AsArray(), json::Array{"bob"});
  EXPECT_EQ(*(*commits[1].Find("refusals")->AsArray())[0].Find("reason")->AsString(), "no-touch");
}

}  // namespace
}  // namespace lethe::trust
