// What was judged before a range: its base and everything that the base leads to. Read only as far
// as somebody asks. Pure.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "git/object.h"
#include "trust/refusal.h"
#include "trust/review_graph.h"

namespace lethe::trust {

class ReviewHistory {
 public:
  // Precondition: both outlive it.
  ReviewHistory(git::ObjectSource& objects, const ReviewRequest& request)
      : objects_(objects), request_(request) {}

  // The place of a commit among the earlier ones; nothing where it is none of them, or where
  // objects that are missing leave it unproven. Errors as ReadReviewGraph.
  Verdict<std::optional<size_t>> Find(const git::ObjectId& id);

  // Both once, at the end.
  Verdict<std::vector<EarlierCommit>> TakeCommits();
  // The commits on the way from the base to each one that was found; the base first.
  Verdict<std::vector<std::string>> ReadLinks();

 private:
  Verdict<void> ReadBase();
  Verdict<void> Walk();
  Verdict<std::optional<git::Commit>> Read(const git::ObjectId& id);
  size_t Place(const git::ObjectId& id, size_t child);

  git::ObjectSource& objects_;
  const ReviewRequest& request_;
  bool walked_ = false;
  std::vector<EarlierCommit> commits_;
  std::vector<size_t> children_;  // from which each was first reached; kEarlier for the base
  std::unordered_map<std::string, size_t> places_;
  std::vector<bool> linked_;  // by place: on the way to one that was found
};

}  // namespace lethe::trust
