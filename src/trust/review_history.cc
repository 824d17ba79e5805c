#include "trust/review_history.h"

#include <algorithm>

namespace lethe::trust {
namespace {

// Precondition: no commit is its own ancestor; one that is stays at 0.
void CountGenerations(std::vector<EarlierCommit>& commits) {
  std::vector<std::vector<size_t>> children(commits.size());
  std::vector<size_t> open(commits.size());
  std::vector<size_t> ready;
  for (size_t i = 0; i < commits.size(); ++i) {
    open[i] = commits[i].parents.size();
    for (const size_t parent : commits[i].parents) children[parent].push_back(i);
    if (open[i] == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    const size_t at = ready.back();
    ready.pop_back();
    for (const size_t child : children[at]) {
      commits[child].generation = std::max(commits[child].generation, commits[at].generation + 1);
      if (--open[child] == 0) ready.push_back(child);
    }
  }
}

}  // namespace

// Nothing: missing, where a bundle holds only the commits that show the way.
Verdict<std::optional<git::Commit>> ReviewHistory::Read(const git::ObjectId& id) {
  const auto body = objects_.Read(id, git::ObjectType::kCommit);
  if (!body && body.error().code == ErrorCode::kNotFound && !request_.with_trees)
    return std::optional<git::Commit>();
  if (!body) return RefusalFrom(body.error(), Reason::kWrongObject);
  auto commit = git::ParseCommit(*body, objects_.format());
  if (!commit) return RefusalFrom(commit.error().In(id.Hex()), Reason::kMalformed);
  return std::optional<git::Commit>(std::move(*commit));
}

size_t ReviewHistory::Place(const git::ObjectId& id, size_t child) {
  const auto [at, fresh] = places_.emplace(id.bytes, commits_.size());
  if (fresh) {
    commits_.push_back({id, {}, {}});
    children_.push_back(child);
  }
  return at->second;
}

Verdict<void> ReviewHistory::ReadBase() {
  if (!commits_.empty()) return {};
  const auto commit = LETHE_TRY(Read(*request_.base));
  (void)Place(*request_.base, kEarlier);
  if (commit) commits_[0].tree = commit->tree;
  return {};
}

Verdict<void> ReviewHistory::Walk() {
  LETHE_TRY(ReadBase());
  for (size_t at = 0; at < commits_.size(); ++at) {
    const auto commit = LETHE_TRY(Read(commits_[at].id));
    if (!commit) continue;
    commits_[at].tree = commit->tree;
    for (const git::ObjectId& parent : commit->parents) {
      const size_t place = Place(parent, at);
      commits_[at].parents.push_back(place);
    }
    if (commits_.size() > kMaxReviewHistory) {
      return Refusal{Reason::kMalformed,
                     "more than " + std::to_string(kMaxReviewHistory) + " commits before the base"};
    }
  }
  walked_ = true;
  CountGenerations(commits_);
  linked_.resize(commits_.size());
  return {};
}

Verdict<std::optional<size_t>> ReviewHistory::Find(const git::ObjectId& id) {
  if (!request_.base) return std::optional<size_t>();
  if (id == *request_.base) {
    LETHE_TRY(ReadBase());
    return std::optional<size_t>(0);
  }
  if (!walked_) LETHE_TRY(Walk());
  const auto found = places_.find(id.bytes);
  if (found == places_.end()) return std::optional<size_t>();
  for (size_t at = children_[found->second]; at != kEarlier && !linked_[at]; at = children_[at])
    linked_[at] = true;
  return std::optional<size_t>(found->second);
}

Verdict<std::vector<EarlierCommit>> ReviewHistory::TakeCommits() {
  if (request_.base) LETHE_TRY(ReadBase());
  return std::move(commits_);
}

Verdict<std::vector<std::string>> ReviewHistory::ReadLinks() {
  std::vector<std::string> out;
  for (size_t i = 0; i < linked_.size(); ++i) {
    if (!linked_[i]) continue;
    out.push_back(LETHE_TRY(
        Judge(objects_.Read(commits_[i].id, git::ObjectType::kCommit), Reason::kWrongObject)));
  }
  return out;
}

}  // namespace lethe::trust
