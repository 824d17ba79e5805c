// Owners of what a change touches: one of each path's must be among the reviewers. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "git/object.h"
#include "trust/codeowners.h"
#include "trust/policy.h"
#include "trust/refusal.h"

namespace lethe::trust {

// Of the paths without an owner's approval, a commit names so many; then it says how many are left.
inline constexpr size_t kMaxNamedPaths = 20;

struct OwnedChange {
  git::ObjectId rules;                 // the tree whose owners file decides: the first parent's
  git::ObjectId result;                // the tree that the change leaves
  std::vector<std::string> touched;    // paths
  std::vector<std::string> reviewers;  // people
};

struct OwnersFound {
  std::vector<std::string> owned;  // "path: person, …": owners of it who reviewed
  std::vector<Refusal> refusals;
};

class ReviewOwners {
 public:
  // Precondition: both outlive it.
  ReviewOwners(const Policy& policy, git::ObjectSource& objects)
      : policy_(policy), objects_(objects) {}

  // kBadOwners, kMalformed: the owners file of `rules` is missing, no file, or as ParseCodeOwners
  // refuses it; the same for the one that the change leaves, where it touches it. kUnownedPath: no
  // owner of a path or of the owners file itself. kNoOwner: none of a path's owners reviewed. The
  // call fails where an object is missing or malformed.
  Verdict<OwnersFound> Check(const OwnedChange& change);

 private:
  // Nothing: there is no such file in the tree.
  Verdict<std::optional<git::ObjectId>> Blob(const git::ObjectId& tree);
  Verdict<Verdict<CodeOwners>> Rules(const git::ObjectId& tree);
  Verdict<CodeOwners> Parse(const std::string& bytes) const;

  const Policy& policy_;
  git::ObjectSource& objects_;
  std::map<git::ObjectId, Verdict<CodeOwners>> parsed_;  // by blob; the last few
};

}  // namespace lethe::trust
