// For tests: histories in memory, signed by keys of the software authenticator, and their reviews.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trust/object_fixture.h"
#include "trust/policy_fixture.h"
#include "trust/review.h"

namespace lethe::trust {

inline constexpr int64_t kReviewTime = 1'780'000'000;  // 2026-05-28
inline constexpr const char* kEverybodyOwns = "* @alice @bob @carol\n";

using Files = std::map<std::string, std::string>;

struct CommitSpec {
  std::string person = "alice";  // whose key signs; empty: nobody's
  std::vector<git::ObjectId> parents;
  Files files;  // CODEOWNERS is kEverybodyOwns unless it is here; "": there is none
  std::optional<git::ObjectId> tree;  // instead of that of the files
  std::string message = "message";
  std::string date = "1779000000";                 // claimed
  std::string name_space = "git";                  // signed for
  uint8_t flags = kFlagUserPresent;                // of the authenticator
  std::optional<uint32_t> counter = std::nullopt;  // else the next of this person
  std::string signature;                           // instead of all that; armoured
  std::string signs;                               // instead of the commit; bytes
};

struct ReviewSpec {
  std::string name_space = "review@vpn.example";
  uint8_t flags = kFlagUserPresent;
  std::optional<uint32_t> counter = std::nullopt;
  std::string payload;      // instead of the statement about the commit
  std::string tree_sha256;  // instead of the tree's
};

class ReviewFixture {
 public:
  explicit ReviewFixture(git::ObjectFormat format = git::ObjectFormat::kSha1) : objects(format) {}

  git::ObjectId Commit(const CommitSpec& spec);
  // A statement of this person about the commit.
  void Approve(const std::string& person, const git::ObjectId& commit, const ReviewSpec& spec = {});
  // alice's commit, approved by bob: where other histories begin.
  git::ObjectId Root(Files files = {{"a", "1\n"}});

  Verdict<ReviewVerdict> Check(const git::ObjectId& tip,
                               const std::optional<git::ObjectId>& base = std::nullopt);
  // "ok", or the reasons for which this commit is refused, sorted: "no-touch one-person". For a
  // check that fails: "failed: " and its reason.
  std::string Reasons(const git::ObjectId& tip, const git::ObjectId& commit,
                      const std::optional<git::ObjectId>& base = std::nullopt);
  std::string Reasons(const git::ObjectId& tip) { return Reasons(tip, tip); }

  MemoryObjects objects;
  std::string policy = FixturePolicyText();
  std::vector<DsseEnvelope> statements;
  int64_t at_unix_s = kReviewTime;
  bool with_trees = true;

 private:
  uint32_t Counter(const std::string& person, const std::optional<uint32_t>& given);
  std::map<std::string, uint32_t> counters_;
  std::map<git::ObjectId, git::ObjectId> trees_;  // of commits
};

// The review of a commit in a verdict; aborts where it is not there.
const CommitReview& ReviewOf(const ReviewVerdict& verdict, const git::ObjectId& commit);

}  // namespace lethe::trust
