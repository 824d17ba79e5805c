// The commits of a range, from raw objects: the line of first parents, and under each commit of it
// what it merges. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "git/object.h"
#include "trust/refusal.h"
#include "trust/review.h"

namespace lethe::trust {

struct ReviewNode {
  git::ObjectId id;
  git::ObjectId tree;
  std::vector<git::ObjectId> parents;
  std::vector<size_t> inside;  // the parents in the range, as places in ReviewGraph::commits
  std::string body;            // raw
};

// One step of the mainline: commits[begin, end), the commit of the mainline last, before it what it
// merges: reachable from its other parents, and from no earlier step.
struct ReviewChange {
  size_t begin = 0;
  size_t end = 0;
  size_t mainline() const { return end - 1; }
};

struct ReviewGraph {
  std::vector<ReviewNode> commits;    // parents before children
  std::vector<ReviewChange> changes;  // the oldest first
  // Commits before the base: they show that what they lead to was judged before.
  std::vector<std::string> before_base;
};

// Iterative and linear in the range; the history before the base is walked only where a merge
// reaches behind it. kWrongObject: an object is missing or not what its name says, the base is not
// on the tip's line of first parents. kMalformed: a commit that is none, or more than the limits.
Verdict<ReviewGraph> ReadReviewGraph(git::ObjectSource& objects, const ReviewRequest& request);

}  // namespace lethe::trust
