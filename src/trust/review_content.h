// What a step of the mainline does to the files: which paths it touches, and what of a merge is the
// merger's own. Pure.
#pragma once

#include <string>
#include <vector>

#include "git/object.h"
#include "trust/merge.h"
#include "trust/merge_base.h"
#include "trust/review_graph.h"

namespace lethe::trust {

struct ChangeContent {
  // By any commit of the change, or by all of them together; sorted, each once. A merge below the
  // mainline touches what is its merger's own.
  std::vector<std::string> touched;
  std::vector<MergerPath> by_merger;  // of the mainline's commit, where it is a merge
};

class ReviewContent {
 public:
  // Precondition: the graph was read with trees; both outlive it.
  ReviewContent(git::ObjectSource& objects, const ReviewGraph& graph)
      : objects_(objects), graph_(graph), bases_(graph) {}

  // Errors as ChangedPaths, with the commit.
  Verdict<ChangeContent> Of(const ReviewChange& change);

 private:
  Verdict<std::vector<MergerPath>> ByMerger(const ReviewNode& merge);
  Verdict<void> TouchedFromFirst(const ReviewNode& node, std::vector<std::string>& touched);

  git::ObjectSource& objects_;
  const ReviewGraph& graph_;
  MergeBases bases_;
};

}  // namespace lethe::trust
