// Human-review statements held against the commits of a range: who reviewed what. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trust/dsse.h"
#include "trust/review_graph.h"
#include "trust/review_signatures.h"

namespace lethe::trust {

struct StatedReview {
  std::vector<std::string> people;   // each once, in the order of their signatures
  std::vector<size_t> envelopes;     // those that name them
  std::optional<Refusal> refused;    // the first signature or statement that does not count
  std::optional<Refusal> malformed;  // the first malformed one, however many are good
};

struct StatedReviews {
  std::map<size_t, StatedReview> of_commit;  // by the commit's place in the graph
  std::vector<JudgedSignature> signatures;   // all of them
};

// Statements about other commits, and of other types, are none of this range's business. Where
// the repository names commits by SHA-1 and trees are at hand, a statement holds only for the tree
// that it binds (kWrongObject). kMalformed for a statement that is none.
Verdict<StatedReviews> JudgeStatements(const Policy& policy, git::ObjectSource& objects,
                                       const ReviewGraph& graph, const ReviewRequest& request);

}  // namespace lethe::trust
