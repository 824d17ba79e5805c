#include "trust/review.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "git/tree_cache.h"
#include "trust/review_content.h"
#include "trust/review_graph.h"
#include "trust/review_owners.h"
#include "trust/review_signatures.h"
#include "trust/review_statements.h"

namespace lethe::trust {
namespace {

constexpr size_t kMaxMergerPathsNamed = 5;

bool Holds(const std::vector<std::string>& people, const std::string& person) {
  return std::find(people.begin(), people.end(), person) != people.end();
}

void AddPerson(std::vector<std::string>& people, const std::string& person) {
  if (!person.empty() && !Holds(people, person)) people.push_back(person);
}

// Who made the change and who else stands behind it. A merger who merges as git would, and merges
// nothing of their own, is a reviewer; any other merger is an author.
void FindPeople(const std::vector<CommitReview>& commits, const ReviewChange& change,
                bool merger_changed, const StatedReview* stated, CommitReview& review) {
  for (size_t i = change.begin; i < change.mainline(); ++i)
    AddPerson(review.authors, commits[i].author);
  const bool merges = change.end - change.begin > 1;
  if (merges && !merger_changed && !Holds(review.authors, review.author)) {
    AddPerson(review.reviewers, review.author);
  } else {
    AddPerson(review.authors, review.author);
  }
  if (stated == nullptr) return;
  for (const std::string& person : stated->people) {
    if (!Holds(review.authors, person)) AddPerson(review.reviewers, person);
  }
}

Refusal MergeContent(const std::vector<MergerPath>& by_merger) {
  std::string paths;
  for (size_t i = 0; i < std::min(by_merger.size(), kMaxMergerPathsNamed); ++i) {
    paths += (i == 0 ? "'" : ", '") + Printable(by_merger[i].path) + "'" +
             (by_merger[i].why == MergerReason::kConflict ? " (a conflict)" : "");
  }
  if (by_merger.size() > kMaxMergerPathsNamed)
    paths += " and " + std::to_string(by_merger.size() - kMaxMergerPathsNamed) + " more";
  return {Reason::kMergeContent,
          "the merge itself decides " + paths + ", and nobody but its authors stands behind it"};
}

// Nothing where somebody else stands behind the change.
std::optional<Refusal> OnePerson(const CommitReview& review, const StatedReview* stated,
                                 const std::vector<MergerPath>& by_merger) {
  if (!review.reviewers.empty()) return std::nullopt;
  if (stated != nullptr && stated->refused) return stated->refused;
  if (!by_merger.empty()) return MergeContent(by_merger);
  if (review.authors.empty()) {
    return Refusal{Reason::kOnePerson, "nobody stands behind it"};
  }
  return Refusal{Reason::kOnePerson,
                 "nobody but its authors stands behind it (" + Join(review.authors, ", ") + ")"};
}

class Checker {
 public:
  Checker(const Policy& policy, git::ObjectSource& objects, const ReviewRequest& request)
      : policy_(policy), objects_(objects), request_(request) {}

  Verdict<ReviewVerdict> Check() {
    graph_ = LETHE_TRY(ReadReviewGraph(objects_, request_));
    verdict_.base = request_.base;
    verdict_.tip = request_.tip;
    verdict_.at_unix_s = request_.at_unix_s;
    verdict_.policy_sha256 = policy_.sha256.Hex();
    const auto signatures = JudgeCommits(policy_, graph_, objects_.format(), request_.at_unix_s);
    for (size_t i = 0; i < signatures.size(); ++i) Begin(graph_.commits[i].id, signatures[i]);
    stated_ = LETHE_TRY(JudgeStatements(policy_, objects_, graph_, request_));
    for (CloneAlarm& alarm : FindClones(graph_, signatures, stated_.signatures))
      verdict_.commits[alarm.commit].refusals.push_back(std::move(alarm.refusal));
    if (request_.with_trees) content_.emplace(objects_, graph_);
    for (const ReviewChange& change : graph_.changes) LETHE_TRY(CheckChange(change));
    Finish();
    return std::move(verdict_);
  }

 private:
  void Begin(const git::ObjectId& id, const JudgedSignature& signature) {
    CommitReview review;
    review.id = id;
    if (signature.signer) {
      review.author = signature.signer->person;
      review.fingerprint = signature.signer->fingerprint;
    }
    if (signature.refusal) review.refusals.push_back(*signature.refusal);
    verdict_.commits.push_back(std::move(review));
  }

  Verdict<void> CheckChange(const ReviewChange& change) {
    const ReviewNode& node = graph_.commits[change.mainline()];
    CommitReview& review = verdict_.commits[change.mainline()];
    review.mainline = true;
    const auto found = stated_.of_commit.find(change.mainline());
    const StatedReview* stated = found == stated_.of_commit.end() ? nullptr : &found->second;
    ChangeContent content;
    // What is refused already costs nothing more: strangers decide neither time nor memory.
    const bool judge_content = content_ && AllAccepted(change);
    if (judge_content) content = LETHE_TRY(content_->Of(change));
    FindPeople(verdict_.commits, change, !content.by_merger.empty(), stated, review);
    if (stated != nullptr && stated->malformed) review.refusals.push_back(*stated->malformed);
    if (auto refusal = OnePerson(review, stated, content.by_merger))
      review.refusals.push_back(std::move(*refusal));
    if (judge_content) {
      const git::ObjectId& rules =
          node.parents.empty() ? node.tree : graph_.TreeAt(node.parents[0]);
      auto owners = LETHE_TRY_IN(
          owners_.Check({rules, node.tree, std::move(content.touched), review.reviewers}),
          "commit " + node.id.Hex());
      review.owned = std::move(owners.owned);
      std::move(owners.refusals.begin(), owners.refusals.end(),
                std::back_inserter(review.refusals));
    }
    if (stated != nullptr) KeepStatements(*stated, review);
    return {};
  }

  bool AllAccepted(const ReviewChange& change) const {
    for (size_t i = change.begin; i < change.end; ++i) {
      if (!verdict_.commits[i].refusals.empty()) return false;
    }
    return true;
  }

  void KeepStatements(const StatedReview& stated, const CommitReview& review) {
    const bool count = std::any_of(stated.people.begin(), stated.people.end(),
                                   [&](const auto& p) { return Holds(review.reviewers, p); });
    if (count) kept_.insert(stated.envelopes.begin(), stated.envelopes.end());
  }

  void Finish() {
    for (ReviewNode& node : graph_.commits) verdict_.commit_objects.push_back(std::move(node.body));
    for (std::string& link : graph_.links) verdict_.commit_objects.push_back(std::move(link));
    for (const size_t envelope : kept_)
      verdict_.statements.push_back(request_.statements[envelope]);
  }

  const Policy& policy_;
  git::ObjectSource& objects_;
  const ReviewRequest& request_;
  ReviewGraph graph_;
  StatedReviews stated_;
  std::optional<ReviewContent> content_;  // where trees are judged
  ReviewOwners owners_{policy_, objects_};
  std::set<size_t> kept_;  // statements that count
  ReviewVerdict verdict_;
};

}  // namespace

bool ReviewVerdict::ok() const {
  return std::all_of(commits.begin(), commits.end(),
                     [](const CommitReview& review) { return review.refusals.empty(); });
}

std::vector<std::string> ReviewVerdict::Authors() const {
  std::set<std::string> people;
  for (const CommitReview& review : commits)
    people.insert(review.authors.begin(), review.authors.end());
  return {people.begin(), people.end()};
}

Verdict<ReviewVerdict> CheckReview(const Policy& policy, git::ObjectSource& objects,
                                   const ReviewRequest& request) {
  git::TreeCache cached(objects);
  return Checker(policy, cached, request).Check();
}

json::Value ReviewJson(const ReviewVerdict& verdict) {
  const auto names = [](const std::vector<std::string>& list) {
    return json::Array(list.begin(), list.end());
  };
  json::Array commits;
  for (const CommitReview& review : verdict.commits) {
    json::Array refusals;
    for (const Refusal& refusal : review.refusals) {
      refusals.push_back(
          json::Object{{"reason", ToString(refusal.reason)}, {"message", refusal.message}});
    }
    json::Object entry{{"commit", review.id.Hex()},   {"ok", review.refusals.empty()},
                       {"mainline", review.mainline}, {"signer", review.author},
                       {"key", review.fingerprint},   {"refusals", std::move(refusals)}};
    if (review.mainline) {
      entry.emplace("authors", names(review.authors));
      entry.emplace("reviewers", names(review.reviewers));
      entry.emplace("owned", names(review.owned));
    }
    commits.push_back(std::move(entry));
  }
  return json::Object{{"ok", verdict.ok()},
                      {"base", verdict.base ? json::Value(verdict.base->Hex()) : json::Value()},
                      {"tip", verdict.tip.Hex()},
                      {"at_unix_s", verdict.at_unix_s},
                      {"policy_sha256", verdict.policy_sha256},
                      {"authors", names(verdict.Authors())},
                      {"commits", std::move(commits)}};
}

}  // namespace lethe::trust
