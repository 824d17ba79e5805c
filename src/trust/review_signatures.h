// Who signed each commit of a range, and whether their keys were copied. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/sha256.h"
#include "trust/policy.h"
#include "trust/refusal.h"
#include "trust/review_graph.h"
#include "trust/signer.h"

namespace lethe::trust {

// A commit's signature, or one of a review of it.
struct JudgedSignature {
  size_t commit = 0;  // its place in the graph
  bool of_review = false;
  std::optional<Signer> signer;  // exactly one of these two is there
  std::optional<Refusal> refusal;
  crypto::Sha256Digest message;  // what was signed
};

// In the order of the graph's commits; on all cores. `at_unix_s` is the bound for keys.
std::vector<JudgedSignature> JudgeCommits(const Policy& policy, const ReviewGraph& graph,
                                          git::ObjectFormat format, int64_t at_unix_s);

// A refusal of the commit at that place.
struct CloneAlarm {
  size_t commit = 0;
  Refusal refusal;
};

// kClonedKey for each commit where a signature, its own or one of a review of it, has the counter
// of another message by the same key, and for each whose own counter is below that of an ancestor
// by the same key. 0 is no counter. Near linear: once over the range for each key.
std::vector<CloneAlarm> FindClones(const ReviewGraph& graph,
                                   const std::vector<JudgedSignature>& commits,
                                   const std::vector<JudgedSignature>& reviews);

}  // namespace lethe::trust
