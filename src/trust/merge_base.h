// The best common ancestors of commits (`git merge-base --all`), in the graph of a review. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "trust/review_graph.h"

namespace lethe::trust {

// Commits visited over all questions to one MergeBases; more is kMalformed.
inline constexpr size_t kMaxMergeBaseSteps = 100'000'000;

class MergeBases {
 public:
  // Precondition: the graph was read with trees, and outlives it.
  explicit MergeBases(const ReviewGraph& graph);

  // Ancestors (or selves) of `other` and of any of `ones` that are not ancestors of another such
  // commit. Empty where there are none. Places as ReviewNode::parents.
  Verdict<std::vector<size_t>> Of(const std::vector<size_t>& ones, size_t other);

 private:
  size_t Index(size_t place) const {
    return place < kEarlier ? place : graph_.commits.size() + (place - kEarlier);
  }
  uint32_t Generation(size_t place) const;

  const ReviewGraph& graph_;
  std::vector<uint8_t> marks_;  // by Index; all zero between two questions
  size_t steps_ = 0;
};

}  // namespace lethe::trust
