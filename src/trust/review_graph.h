// The commits of a range, from raw objects: the line of first parents, under each commit of it what
// it merges, and what they all rest on. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "git/object.h"
#include "trust/refusal.h"
#include "trust/review.h"

namespace lethe::trust {

// A commit that was judged before: the base or an ancestor of it.
struct EarlierCommit {
  git::ObjectId id;
  git::ObjectId tree;
  std::vector<size_t> parents;  // places in ReviewGraph::earlier
  uint32_t generation = 0;      // above that of each parent
};

// Where a parent is: a place in ReviewGraph::commits, or kEarlier + one in ReviewGraph::earlier.
inline constexpr size_t kEarlier = size_t{1} << 32;

struct ReviewNode {
  git::ObjectId id;
  git::ObjectId tree;
  std::vector<size_t> parents;
  uint32_t generation = 0;  // above that of each parent
  std::string body;         // raw
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
  // Empty without a base; else the base first. The others are there only where a merge reaches
  // behind the base.
  std::vector<EarlierCommit> earlier;
  // Raw commits that show, link by link, that what a merge reaches behind the base is before it.
  std::vector<std::string> links;

  const git::ObjectId& TreeAt(size_t place) const {
    return place < kEarlier ? commits[place].tree : earlier[place - kEarlier].tree;
  }
};

// Iterative, and linear in the range and the history that it walks. kWrongObject: an object is
// missing or not what its name says, the base is not on the tip's line of first parents.
// kMalformed: a commit that is none, or more than the limits.
Verdict<ReviewGraph> ReadReviewGraph(git::ObjectSource& objects, const ReviewRequest& request);

}  // namespace lethe::trust
