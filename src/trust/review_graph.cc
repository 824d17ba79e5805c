#include "trust/review_graph.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

namespace lethe::trust {
namespace {

Refusal TooMany(std::string_view what, size_t limit) {
  return {Reason::kMalformed, "more than " + std::to_string(limit) + " " + std::string(what)};
}

// What was judged before: the base and everything that it leads to. Read when first asked.
class Before {
 public:
  Before(git::ObjectSource& objects, const ReviewRequest& request)
      : objects_(objects), request_(request) {}

  Verdict<bool> Holds(const git::ObjectId& id) {
    if (!request_.base) return false;
    if (id == *request_.base) return true;
    if (found_.empty()) LETHE_TRY(Walk());
    const bool holds = found_.contains(id.bytes);
    if (holds) Show(id);
    return holds;
  }

  // The commits on the way from the base to each one that was asked for and held.
  Verdict<std::vector<std::string>> Shown() {
    std::vector<std::string> ids(shown_.begin(), shown_.end());
    std::sort(ids.begin(), ids.end());
    std::vector<std::string> out;
    for (const std::string& id : ids) {
      out.push_back(LETHE_TRY(
          Judge(objects_.Read({id}, git::ObjectType::kCommit), Reason::kWrongObject)));
    }
    return out;
  }

 private:
  Verdict<void> Walk() {
    std::deque<std::string> open{request_.base->bytes};
    found_.emplace(request_.base->bytes, "");
    for (; !open.empty(); open.pop_front()) {
      const git::ObjectId id{open.front()};
      const auto body = objects_.Read(id, git::ObjectType::kCommit);
      // A bundle holds only those that are needed to show the way.
      if (!body && body.error().code == ErrorCode::kNotFound && !request_.with_trees) continue;
      if (!body) return RefusalFrom(body.error(), Reason::kWrongObject);
      const auto commit = git::ParseCommit(*body, objects_.format());
      if (!commit) return RefusalFrom(commit.error().In(id.Hex()), Reason::kMalformed);
      for (const git::ObjectId& parent : commit->parents) {
        if (!found_.emplace(parent.bytes, id.bytes).second) continue;
        if (found_.size() > kMaxReviewHistory)
          return TooMany("commits before the base", kMaxReviewHistory);
        open.push_back(parent.bytes);
      }
    }
    return {};
  }

  void Show(const git::ObjectId& id) {
    for (std::string at = found_.at(id.bytes); !at.empty(); at = found_.at(at)) {
      if (!shown_.insert(at).second) return;
    }
  }

  git::ObjectSource& objects_;
  const ReviewRequest& request_;
  std::unordered_map<std::string, std::string> found_;  // and from which child; the base: none
  std::unordered_set<std::string> shown_;
};

class Reader {
 public:
  Reader(git::ObjectSource& objects, const ReviewRequest& request)
      : objects_(objects), request_(request), before_(objects, request) {}

  Verdict<ReviewGraph> Read() {
    const auto line = LETHE_TRY(Mainline());
    for (const git::ObjectId& id : line) {
      const size_t begin = graph_.commits.size();
      LETHE_TRY(Visit(id));
      graph_.changes.push_back({begin, graph_.commits.size()});
    }
    graph_.before_base = LETHE_TRY(before_.Shown());
    return std::move(graph_);
  }

 private:
  Verdict<ReviewNode> Load(const git::ObjectId& id) {
    ReviewNode node;
    node.id = id;
    node.body =
        LETHE_TRY(Judge(objects_.Read(id, git::ObjectType::kCommit), Reason::kWrongObject));
    auto commit = git::ParseCommit(node.body, objects_.format());
    if (!commit) return RefusalFrom(commit.error().In(id.Hex()), Reason::kMalformed);
    node.tree = std::move(commit->tree);
    node.parents = std::move(commit->parents);
    bytes_ += node.body.size();
    if (bytes_ > kMaxReviewBytes) return TooMany("bytes of commits", kMaxReviewBytes);
    if (++loaded_ > kMaxReviewCommits) return TooMany("commits", kMaxReviewCommits);
    return node;
  }

  // The oldest first.
  Verdict<std::vector<git::ObjectId>> Mainline() {
    std::vector<git::ObjectId> line;
    git::ObjectId at = request_.tip;
    while (at != request_.base) {
      ReviewNode node = LETHE_TRY(Load(at));
      line.push_back(at);
      const auto parents = node.parents;
      mainline_.emplace(at.bytes, std::move(node));
      if (parents.empty()) {
        if (!request_.base) break;
        return Refusal{Reason::kWrongObject,
                       request_.base->Hex() + " is not on the line of first parents of " +
                           request_.tip.Hex()};
      }
      at = parents[0];
    }
    std::reverse(line.begin(), line.end());
    return line;
  }

  // Emits everything that `root` leads to and that is new, parents first.
  Verdict<void> Visit(const git::ObjectId& root) {
    struct Frame {
      ReviewNode node;
      size_t next = 0;
    };
    std::vector<Frame> stack;
    stack.push_back({std::move(mainline_.at(root.bytes))});
    places_.emplace(root.bytes, kOpen);
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.node.parents.size()) {
        places_[frame.node.id.bytes] = graph_.commits.size();
        graph_.commits.push_back(std::move(frame.node));
        stack.pop_back();
        continue;
      }
      const git::ObjectId parent = frame.node.parents[frame.next];
      const auto known = places_.find(parent.bytes);
      if (known != places_.end() && known->second != kOpen) {
        frame.node.inside.push_back(known->second);
        ++frame.next;
      } else if (known != places_.end() || mainline_.contains(parent.bytes)) {
        return Refusal{Reason::kWrongObject, parent.Hex() + " is an ancestor of itself"};
      } else if (LETHE_TRY(before_.Holds(parent))) {
        ++frame.next;
      } else {
        places_.emplace(parent.bytes, kOpen);
        stack.push_back({LETHE_TRY(Load(parent))});  // `frame` is gone
      }
    }
    mainline_.erase(root.bytes);
    return {};
  }

  static constexpr size_t kOpen = SIZE_MAX;

  git::ObjectSource& objects_;
  const ReviewRequest& request_;
  Before before_;
  ReviewGraph graph_;
  std::unordered_map<std::string, ReviewNode> mainline_;  // read, not yet emitted
  std::unordered_map<std::string, size_t> places_;
  size_t loaded_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

Verdict<ReviewGraph> ReadReviewGraph(git::ObjectSource& objects, const ReviewRequest& request) {
  return Reader(objects, request).Read();
}

}  // namespace lethe::trust
