// Review: every commit of a range signed with touch by an allowed key, two different people behind
// every change, an owner behind every path (docs/formats/review.md). Computed from raw git objects
// and statements; nothing from e-mail addresses, forges or claimed dates. Pure: objects come
// through git::ObjectSource.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "git/object.h"
#include "json/json.h"
#include "trust/dsse.h"
#include "trust/policy.h"

namespace lethe::trust {

inline constexpr size_t kMaxReviewCommits = 200'000;
inline constexpr size_t kMaxReviewBytes = 512 << 20;  // of raw commits
inline constexpr size_t kMaxReviewHistory = 500'000;  // commits before the base
inline constexpr size_t kMaxReviewStatements = 200'000;

struct ReviewRequest {
  std::optional<git::ObjectId> base;  // what was judged before; nothing: from the first commit on
  git::ObjectId tip;
  int64_t at_unix_s = 0;                 // the bound for keys
  std::vector<DsseEnvelope> statements;  // human reviews; about whatever commits
  // False where only commits are at hand (an offline bundle): people and signatures are judged,
  // content of merges, owners, and the trees that statements bind are not. The history before the
  // base may then have holes: what no chain of hashes shows to be before it counts as new.
  bool with_trees = true;
};

struct CommitReview {
  git::ObjectId id;
  bool mainline = false;               // on the line of first parents
  std::string author;                  // the person whose key signed it; empty: nobody known
  std::string fingerprint;             // of that key
  std::vector<std::string> authors;    // mainline: everybody who signed a part of this change
  std::vector<std::string> reviewers;  // mainline: everybody else who stands behind it
  std::vector<std::string> owned;      // mainline: "path: owner who approved" for each owned path
  std::vector<Refusal> refusals;       // empty: accepted
};

struct ReviewVerdict {
  std::optional<git::ObjectId> base;
  git::ObjectId tip;
  int64_t at_unix_s = 0;
  std::string policy_sha256;
  std::vector<CommitReview> commits;  // parents before children
  // What the verdict rests on, for a bundle: the raw commits in the order of `commits`, then those
  // before the base that show that a merge reaches behind it; the statements that count.
  std::vector<std::string> commit_objects;
  std::vector<DsseEnvelope> statements;

  bool ok() const;
  // Of all changes together, sorted: who only merged or reviewed is none.
  std::vector<std::string> Authors() const;
};

// A refusal of a commit is in the verdict; the call itself fails where an object is missing, is not
// what its name says, or is malformed (kWrongObject, kMalformed), or a limit is exceeded.
Verdict<ReviewVerdict> CheckReview(const Policy& policy, git::ObjectSource& objects,
                                   const ReviewRequest& request);

json::Value ReviewJson(const ReviewVerdict& verdict);

}  // namespace lethe::trust
