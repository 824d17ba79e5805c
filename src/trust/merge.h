// What in a merge commit's tree is the merger's own: whatever a three-way merge of its parents does
// not give by itself (docs/formats/review-content.md#merges). Where that has no unique result, a
// path is the merger's: a conflict, a file that only a rename brings to its place, a binary file.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "git/object.h"
#include "trust/refusal.h"
#include "trust/tree_change.h"

namespace lethe::trust {

inline constexpr size_t kMaxMergeBases = 16;  // of one parent
// Of one merge; beyond them a path that both sides changed is the merger's.
inline constexpr uint64_t kMaxMergeSteps = 1'000'000'000;  // comparisons of lines
inline constexpr size_t kMaxMergeReadBytes = size_t{1} << 30;

// One parent after the first. All names are of trees.
struct MergedParent {
  // Of all merge bases (`git merge-base --all`) of this parent and those before it; empty where
  // they have nothing in common.
  std::vector<git::ObjectId> bases;
  git::ObjectId tree;
};

struct MergeTrees {
  git::ObjectId first;  // the tree of the first parent
  std::vector<MergedParent> others;
  git::ObjectId result;  // the tree of the merge commit
};

enum class MergerReason {
  kDiffers,   // the parents merge by themselves, to something else
  kConflict,  // no automatic result: both sides changed it, and not in the same way
};

struct MergerPath {
  std::string path;
  MergerReason why;
};

// Sorted by path; empty: the merge is exactly what its parents give. Errors as
// ChangedPaths, also for files; kMergeContent for more than kMaxMergeBases.
Verdict<std::vector<MergerPath>> PathsByMerger(git::ObjectSource& objects, const MergeTrees& trees);

}  // namespace lethe::trust
