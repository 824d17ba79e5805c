#include "trust/merge_base.h"

#include <algorithm>
#include <queue>

namespace lethe::trust {
namespace {

constexpr uint8_t kOfOnes = 1;
constexpr uint8_t kOfOther = 2;
constexpr uint8_t kBelow = 4;  // below a common ancestor
constexpr uint8_t kQueued = 8;
constexpr uint8_t kTaken = 16;

}  // namespace

MergeBases::MergeBases(const ReviewGraph& graph)
    : graph_(graph), marks_(graph.commits.size() + graph.earlier.size()) {}

uint32_t MergeBases::Generation(size_t place) const {
  return place < kEarlier ? graph_.commits[place].generation
                          : graph_.earlier[place - kEarlier].generation;
}

// A commit is taken after all its descendants: its generation is below theirs. So its marks are
// final when it is taken.
Verdict<std::vector<size_t>> MergeBases::Of(const std::vector<size_t>& ones, size_t other) {
  std::priority_queue<std::pair<uint32_t, size_t>> queue;
  std::vector<size_t> touched;
  size_t interesting = 0;  // queued, and not below a common ancestor
  const auto mark = [&](size_t place, uint8_t marks) {
    uint8_t& at = marks_[Index(place)];
    if ((at & kTaken) != 0) return;
    if (at == 0) touched.push_back(place);
    const bool was_interesting = (at & kQueued) != 0 && (at & kBelow) == 0;
    if ((at & kQueued) == 0) queue.emplace(Generation(place), place);
    at = static_cast<uint8_t>(at | marks | kQueued);
    const bool is_interesting = (at & kBelow) == 0;
    interesting += is_interesting && !was_interesting ? 1 : 0;
    interesting -= was_interesting && !is_interesting ? 1 : 0;
  };
  for (const size_t one : ones) mark(one, kOfOnes);
  mark(other, kOfOther);
  std::vector<size_t> bases;
  while (interesting > 0) {
    const size_t place = queue.top().second;
    queue.pop();
    if (++steps_ > kMaxMergeBaseSteps) {
      return Refusal{Reason::kMalformed, "merges that take more than " +
                                             std::to_string(kMaxMergeBaseSteps) +
                                             " steps to find what they have in common"};
    }
    uint8_t marks = marks_[Index(place)] & (kOfOnes | kOfOther | kBelow);
    marks_[Index(place)] |= kTaken;
    interesting -= (marks & kBelow) == 0 ? 1 : 0;
    if (marks == (kOfOnes | kOfOther)) {
      bases.push_back(place);
      marks |= kBelow;
    }
    if (place < kEarlier) {
      for (const size_t parent : graph_.commits[place].parents) mark(parent, marks);
    } else {
      for (const size_t parent : graph_.earlier[place - kEarlier].parents)
        mark(kEarlier + parent, marks);
    }
  }
  for (const size_t place : touched) marks_[Index(place)] = 0;
  return bases;
}

}  // namespace lethe::trust
