#include "trust/review_graph.h"

#include <algorithm>
#include <unordered_map>

#include "trust/review_history.h"

namespace lethe::trust {
namespace {

Refusal TooMany(std::string_view what, size_t limit) {
  return {Reason::kMalformed, "more than " + std::to_string(limit) + " " + std::string(what)};
}

class Reader {
 public:
  Reader(git::ObjectSource& objects, const ReviewRequest& request)
      : objects_(objects), request_(request), history_(objects, request) {}

  Verdict<ReviewGraph> Read() {
    const auto line = LETHE_TRY(Mainline());
    for (const git::ObjectId& id : line) {
      const size_t begin = graph_.commits.size();
      LETHE_TRY(Visit(id));
      graph_.changes.push_back({begin, graph_.commits.size()});
    }
    graph_.links = LETHE_TRY(history_.ReadLinks());
    graph_.earlier = LETHE_TRY(history_.TakeCommits());
    CountGenerations();
    return std::move(graph_);
  }

 private:
  struct Loaded {
    ReviewNode node;  // its parents are not known yet
    std::vector<git::ObjectId> parents;
  };

  Verdict<Loaded> Load(const git::ObjectId& id) {
    Loaded out;
    out.node.id = id;
    out.node.body =
        LETHE_TRY(Judge(objects_.Read(id, git::ObjectType::kCommit), Reason::kWrongObject));
    auto commit = git::ParseCommit(out.node.body, objects_.format());
    if (!commit) return RefusalFrom(commit.error().In(id.Hex()), Reason::kMalformed);
    out.node.tree = std::move(commit->tree);
    out.parents = std::move(commit->parents);
    bytes_ += out.node.body.size();
    if (bytes_ > kMaxReviewBytes) return TooMany("bytes of commits", kMaxReviewBytes);
    if (++loaded_ > kMaxReviewCommits) return TooMany("commits", kMaxReviewCommits);
    return out;
  }

  // The oldest first.
  Verdict<std::vector<git::ObjectId>> Mainline() {
    std::vector<git::ObjectId> line;
    git::ObjectId at = request_.tip;
    while (at != request_.base) {
      Loaded loaded = LETHE_TRY(Load(at));
      const auto next =
          loaded.parents.empty() ? std::nullopt : std::optional<git::ObjectId>(loaded.parents[0]);
      line.push_back(at);
      if (!mainline_.emplace(at.bytes, std::move(loaded)).second) return Loop(at);
      if (!next && !request_.base) break;
      if (!next) {
        return Refusal{
            Reason::kWrongObject,
            request_.base->Hex() + " is not on the line of first parents of " + request_.tip.Hex()};
      }
      at = *next;
    }
    std::reverse(line.begin(), line.end());
    return line;
  }

  // Emits everything that `root` leads to and that is new, parents first.
  Verdict<void> Visit(const git::ObjectId& root) {
    struct Frame {
      Loaded commit;
      size_t next = 0;  // of its parents
    };
    std::vector<Frame> stack;
    stack.push_back({std::move(mainline_.at(root.bytes))});
    places_.emplace(root.bytes, kOpen);
    while (!stack.empty()) {
      auto& [commit, next] = stack.back();
      if (next == commit.parents.size()) {
        places_[commit.node.id.bytes] = graph_.commits.size();
        graph_.commits.push_back(std::move(commit.node));
        stack.pop_back();
        continue;
      }
      const git::ObjectId parent = commit.parents[next];
      if (const auto known = places_.find(parent.bytes); known != places_.end()) {
        if (known->second == kOpen) return Loop(parent);
        commit.node.parents.push_back(known->second);
        ++next;
      } else if (mainline_.contains(parent.bytes)) {
        return Loop(parent);
      } else if (const auto earlier = LETHE_TRY(history_.Find(parent))) {
        commit.node.parents.push_back(kEarlier + *earlier);
        ++next;
      } else {
        Loaded loaded = LETHE_TRY(Load(parent));
        places_.emplace(parent.bytes, kOpen);
        stack.push_back({std::move(loaded)});
      }
    }
    mainline_.erase(root.bytes);
    return {};
  }

  // No source whose objects are hashed has such a commit.
  static Refusal Loop(const git::ObjectId& id) {
    return {Reason::kWrongObject, id.Hex() + " is an ancestor of itself"};
  }

  void CountGenerations() {
    for (ReviewNode& node : graph_.commits) {
      for (const size_t parent : node.parents) {
        const uint32_t below = parent < kEarlier ? graph_.commits[parent].generation
                                                 : graph_.earlier[parent - kEarlier].generation;
        node.generation = std::max(node.generation, below + 1);
      }
    }
  }

  static constexpr size_t kOpen = SIZE_MAX;

  git::ObjectSource& objects_;
  const ReviewRequest& request_;
  ReviewHistory history_;
  ReviewGraph graph_;
  std::unordered_map<std::string, Loaded> mainline_;  // read, not yet emitted
  std::unordered_map<std::string, size_t> places_;
  size_t loaded_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

Verdict<ReviewGraph> ReadReviewGraph(git::ObjectSource& objects, const ReviewRequest& request) {
  return Reader(objects, request).Read();
}

}  // namespace lethe::trust
