#include "trust/policy_edit.h"

#include <gtest/gtest.h>

#include "base/utc.h"
#include "trust/policy_fixture.h"

namespace lethe::trust {
namespace {

PolicyKey KeyFor(const std::string& person, std::string_view name) {
  return {
      SoftwareKey::ForTest(name).public_key(), person, {Use::kCommit, Use::kReview}, {}, {}, true};
}

std::string Fingerprint(std::string_view name) {
  return SoftwareKey::ForTest(name).public_key().Fingerprint();
}

template <typename T>
void ExpectError(const Result<T>& result, ErrorCode code, std::string_view words) {
  ASSERT_FALSE(result) << words;
  EXPECT_EQ(ToString(result.error().code), ToString(code)) << result.error().message;
  EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
}

TEST(PolicyEdit, AddsAKeyAndKeepsEverythingElse) {
  std::string text = "# who we are\n" + FixturePolicyText();
  text = Replaced(text, "number = 3", "number = 3  # the third");
  PolicyKey key = KeyFor("alice", "second");
  key.valid_before_unix_s = *ParseUtc("2028-01-01T00:00:00Z");
  const auto edit = AddKey(text, {.key = key}, "policy.toml");
  ASSERT_TRUE(edit) << edit.error().message;
  EXPECT_EQ(edit->bytes, Replaced(text, "number = 3  #", "number = 4  #") +
                             "\n[[key]]\nperson = \"alice\"\nkey = \"" + FixtureKeyLine("second") +
                             "\"\nmay = [\"commit\", \"review\"]\n"
                             "valid_before = \"2028-01-01T00:00:00Z\"\ntest = true\n");
  EXPECT_EQ(edit->policy.number, 4);
  ASSERT_EQ(edit->policy.keys.size(), 4U);
  EXPECT_EQ(edit->policy.keys[3].person, "alice");
  EXPECT_EQ(edit->policy.sha256, MustParsePolicy(edit->bytes).sha256);
  const auto kept = AddKey(text, {.key = key, .keep_number = true}, "policy.toml");
  EXPECT_EQ(kept->policy.number, 3);
}

TEST(PolicyEdit, AddsAPersonWhateverTheArrayLooksLike) {
  const std::string_view before = "people = [\"alice\", \"bob\", \"carol\"]";
  const std::pair<const char*, const char*> arrays[] = {
      {"people = [\"alice\", \"bob\", \"carol\"]", "\"carol\", \"dave\"]"},
      {"people = ['alice', \"bob\",\n  \"carol\",  # not \"]\"\n]", "\"carol\", \"dave\",  # not"},
      {"people   =   [  # \"x\"\n\"alice\",\"bob\",\"carol\"]", "\"carol\", \"dave\"]"},
  };
  for (const auto& [array, expected] : arrays) {
    const std::string text = Replaced(FixturePolicyText(), before, array);
    ASSERT_EQ(MustParsePolicy(text).people.size(), 3U);
    const auto edit =
        AddKey(text, {.key = KeyFor("dave", "dave"), .new_person = true}, "policy.toml");
    ASSERT_TRUE(edit) << array << ": " << edit.error().message;
    EXPECT_EQ(edit->policy.people, (std::vector<std::string>{"alice", "bob", "carol", "dave"}));
    EXPECT_NE(edit->bytes.find(expected), std::string::npos) << edit->bytes;
  }
}

TEST(PolicyEdit, RefusesKeysThatDoNotFit) {
  const std::string text = FixturePolicyText();
  const auto add = [&](const std::string& policy, const PolicyKey& key, bool new_person = false) {
    return AddKey(policy, {.key = key, .new_person = new_person}, "policy.toml");
  };
  ExpectError(add(text, KeyFor("dave", "dave")), ErrorCode::kConflict,
              "policy.toml: 'dave' is not one of 'people'");
  ExpectError(add(text, KeyFor("alice", "other"), true), ErrorCode::kConflict,
              "'alice' is one of 'people' already");
  ExpectError(add(text, KeyFor("Dave", "dave"), true), ErrorCode::kMalformed, "key 'people'");
  ExpectError(add(text, KeyFor("bob", "alice")), ErrorCode::kMalformed, "is there already");
  const std::string revoked =
      text + "\n[[revoked]]\nkey = \"" + Fingerprint("lost") + "\"\nreason = \"lost\"\n";
  ExpectError(add(revoked, KeyFor("alice", "lost")), ErrorCode::kConflict, "is revoked");
  PolicyKey unmarked = KeyFor("alice", "other");
  unmarked.test = false;
  ExpectError(add(text, unmarked), ErrorCode::kMalformed, "must be marked 'test = true'");
  // No test keys, and none there yet.
  const size_t keys = text.find("\n[[key]]");
  const std::string real = Replaced(text.substr(0, keys), "test_keys = true", "test_keys = false");
  ExpectError(add(real, KeyFor("alice", "other")), ErrorCode::kUntrusted, "'test_keys' is false");
  ExpectError(add("number = ", KeyFor("alice", "other")), ErrorCode::kMalformed, "policy.toml:1");
}

TEST(PolicyEdit, RefusesATextThatItDoesNotFollow) {
  const std::string text = FixturePolicyText();
  for (const auto& [from, to] : {std::pair{"number = 3", " number = 3"},
                                 {"number = 3", "number = +3"},
                                 {"number = 3", "\"number\" = 3"},
                                 {"people = ", " people = "}}) {
    const std::string other = Replaced(text, from, to);
    ExpectError(AddKey(other, {.key = KeyFor("dave", "dave"), .new_person = true}, "policy.toml"),
                ErrorCode::kConflict, "edit it by hand");
  }
}

// The first policy grows key by key, under one number, until it can count.
TEST(PolicyEdit, LetsADraftGrow) {
  const std::string text = FixturePolicyText();
  std::string draft = Replaced(text.substr(0, text.find("\n[[key]]")), "number = 3", "number = 1");
  PolicyKey key;
  for (const char* name : {"alice", "bob"}) {
    EXPECT_FALSE(ParsePolicy(draft, "policy.toml"));
    key = KeyFor(name, name);
    key.may = {Use::kCommit, Use::kReview, Use::kRelease, Use::kPolicy};
    const auto edit = AddKey(draft, {.key = key}, "policy.toml");
    ASSERT_TRUE(edit) << edit.error().message;
    EXPECT_EQ(edit->policy.number, 1);
    draft = edit->bytes;
  }
  EXPECT_TRUE(ParsePolicy(draft, "policy.toml"));
  EXPECT_EQ(AddKey(draft, {.key = KeyFor("carol", "carol")}, "policy.toml")->policy.number, 2);
}

TEST(PolicyEdit, RevokesAKey) {
  const std::string text = FixturePolicyText();
  const auto edit =
      RevokeKey(text, {.key = {Fingerprint("carol"), "lost \"in\" C:\\ the train"}}, "policy.toml");
  ASSERT_TRUE(edit) << edit.error().message;
  EXPECT_EQ(edit->policy.number, 4);
  ASSERT_EQ(edit->policy.revoked.size(), 1U);
  EXPECT_EQ(edit->policy.revoked[0].fingerprint, Fingerprint("carol"));
  EXPECT_EQ(edit->policy.revoked[0].reason, "lost \"in\" C:\\ the train");
  EXPECT_TRUE(edit->bytes.starts_with(Replaced(text, "number = 3", "number = 4")));
  ExpectError(RevokeKey(edit->bytes, {.key = {Fingerprint("carol"), "again"}}, "policy.toml"),
              ErrorCode::kConflict, "is revoked already");
}

TEST(PolicyEdit, RefusesRevocationsThatDoNotFit) {
  const std::string text = FixturePolicyText();
  const auto revoke = [&](const std::string& fingerprint, const std::string& reason) {
    return RevokeKey(text, {.key = {fingerprint, reason}}, "policy.toml");
  };
  ExpectError(revoke(Fingerprint("stranger"), "lost"), ErrorCode::kNotFound, "no key SHA256:");
  ExpectError(revoke("SHA256:", "lost"), ErrorCode::kNotFound, "no key SHA256:");
  ExpectError(revoke(Fingerprint("carol"), ""), ErrorCode::kMalformed, "key 'reason'");
  ExpectError(revoke(Fingerprint("carol"), "two\nlines"), ErrorCode::kMalformed, "policy.toml:");
  // alice and bob approve policies: without bob nobody could replace this one.
  ExpectError(revoke(Fingerprint("bob"), "lost"), ErrorCode::kUntrusted, "asks for 2 people");
}

}  // namespace
}  // namespace lethe::trust
