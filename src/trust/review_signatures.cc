#include "trust/review_signatures.h"

#include <algorithm>
#include <map>
#include <thread>

#include "base/parallel.h"

namespace lethe::trust {
namespace {

constexpr size_t kNone = SIZE_MAX;

JudgedSignature JudgeCommit(const Policy& policy, std::string_view body, git::ObjectFormat format,
                            int64_t at_unix_s) {
  JudgedSignature out;
  const auto commit = git::ParseCommit(body, format);
  if (!commit) {
    out.refusal = RefusalFrom(commit.error(), Reason::kMalformed);
    return out;
  }
  out.message = crypto::Sha256Of(commit->payload);
  if (commit->signature.empty()) {
    out.refusal = Refusal{Reason::kUnsigned, "is not signed"};
    return out;
  }
  for (const char* other : {"-----BEGIN PGP ", "-----BEGIN SIGNED MESSAGE-----"}) {
    if (!commit->signature.starts_with(other)) continue;
    out.refusal =
        Refusal{Reason::kUnknownKey, "is signed with OpenPGP or X.509, not by a FIDO key"};
    return out;
  }
  auto signer =
      CheckSignature(policy, commit->signature, commit->payload, {Use::kCommit, at_unix_s});
  if (signer) {
    out.signer = std::move(*signer);
  } else {
    out.refusal = std::move(signer).error();
  }
  return out;
}

CloneAlarm SameCounter(const ReviewGraph& graph, const JudgedSignature& one,
                       const JudgedSignature& other) {
  const std::string_view signed_here = one.of_review ? "the review of it" : "it";
  return {one.commit,
          {Reason::kClonedKey, one.signer->person + "'s key " + one.signer->fingerprint +
                                   " signed " + std::string(signed_here) + " and " +
                                   (other.of_review ? "the review of " : "") +
                                   graph.commits[other.commit].id.Hex() + " with one counter, " +
                                   std::to_string(one.signer->counter)}};
}

// Counters are a key's own: two messages under one are two authenticators with one key.
void FindSameCounters(const ReviewGraph& graph, const std::vector<JudgedSignature>& commits,
                      const std::vector<JudgedSignature>& reviews,
                      std::vector<CloneAlarm>& alarms) {
  struct First {
    const JudgedSignature* signature;
    bool alarmed = false;
  };
  std::map<std::pair<std::string, uint32_t>, First> seen;
  const auto take = [&](const JudgedSignature& signature) {
    if (!signature.signer || signature.signer->counter == 0) return;
    const auto [at, fresh] = seen.try_emplace(
        {signature.signer->fingerprint, signature.signer->counter}, First{&signature});
    First& first = at->second;
    if (fresh || first.signature->message == signature.message) return;
    if (!first.alarmed) alarms.push_back(SameCounter(graph, *first.signature, signature));
    first.alarmed = true;
    alarms.push_back(SameCounter(graph, signature, *first.signature));
  };
  std::for_each(commits.begin(), commits.end(), take);
  std::for_each(reviews.begin(), reviews.end(), take);
}

// `places` are the commits of one key, in the graph's order.
void FindFallingCounters(const ReviewGraph& graph, const std::vector<JudgedSignature>& commits,
                         const std::vector<size_t>& places, std::vector<CloneAlarm>& alarms) {
  const size_t from = places.front();
  const auto counter = [&](size_t place) { return commits[place].signer->counter; };
  // The ancestor or self with the highest counter of this key.
  std::vector<size_t> highest(graph.commits.size() - from, kNone);
  size_t next = 0;
  for (size_t i = from; i < graph.commits.size(); ++i) {
    size_t best = kNone;
    for (const size_t parent : graph.commits[i].parents) {
      const bool counted = parent >= from && parent < kEarlier;
      const size_t of_parent = counted ? highest[parent - from] : kNone;
      if (of_parent == kNone) continue;
      if (best == kNone || counter(of_parent) > counter(best)) best = of_parent;
    }
    if (next < places.size() && places[next] == i) {
      ++next;
      if (best != kNone && counter(i) < counter(best)) {
        const Signer& signer = *commits[i].signer;
        alarms.push_back(
            {i,
             {Reason::kClonedKey, signer.person + "'s key " + signer.fingerprint + " counted " +
                                      std::to_string(counter(best)) + " in the ancestor " +
                                      graph.commits[best].id.Hex() + " and only " +
                                      std::to_string(counter(i)) + " here"}});
      }
      if (best == kNone || counter(i) > counter(best)) best = i;
    }
    highest[i - from] = best;
  }
}

}  // namespace

std::vector<JudgedSignature> JudgeCommits(const Policy& policy, const ReviewGraph& graph,
                                          git::ObjectFormat format, int64_t at_unix_s) {
  std::vector<JudgedSignature> out(graph.commits.size());
  (void)ParallelFor(out.size(), std::max(1U, std::thread::hardware_concurrency()),
                    [&](size_t i) -> Status {
                      out[i] = JudgeCommit(policy, graph.commits[i].body, format, at_unix_s);
                      out[i].commit = i;
                      return {};
                    });
  return out;
}

std::vector<CloneAlarm> FindClones(const ReviewGraph& graph,
                                   const std::vector<JudgedSignature>& commits,
                                   const std::vector<JudgedSignature>& reviews) {
  std::vector<CloneAlarm> alarms;
  FindSameCounters(graph, commits, reviews, alarms);
  std::map<std::string, std::vector<size_t>> by_key;
  for (size_t i = 0; i < commits.size(); ++i) {
    if (commits[i].signer && commits[i].signer->counter != 0)
      by_key[commits[i].signer->fingerprint].push_back(i);
  }
  for (const auto& [fingerprint, places] : by_key) {
    if (places.size() > 1) FindFallingCounters(graph, commits, places, alarms);
  }
  return alarms;
}

}  // namespace lethe::trust
