#include "trust/review_statements.h"

#include <algorithm>
#include <thread>

#include "base/parallel.h"
#include "base/strings.h"
#include "trust/human_review.h"
#include "trust/tree_sha256.h"

namespace lethe::trust {
namespace {

// A signature under a statement about a commit of the range.
struct Claim {
  size_t envelope;
  size_t signature;
  JudgedSignature judged;
};

// What the statement itself says, whoever signed it.
Verdict<void> CheckSaid(const HumanReview& review, const ReviewNode& node,
                        std::optional<TreeSha256>& trees) {
  if (review.result != kReviewPassed) {
    return Refusal{Reason::kOnePerson,
                   "a statement about it says '" + Printable(review.result) + "'"};
  }
  if (review.tree_sha256 && trees) {
    const auto tree = LETHE_TRY(Judge(trees->Of(node.tree), Reason::kWrongObject));
    if (tree != *review.tree_sha256) {
      return Refusal{Reason::kWrongObject, "a statement about it binds a tree with SHA-256 " +
                                               review.tree_sha256->Hex() +
                                               ", but the tree here has " + tree.Hex()};
    }
  }
  return {};
}

void Count(StatedReview& review, const Claim& claim) {
  if (const auto& refusal = claim.judged.refusal) {
    auto& first = refusal->reason == Reason::kMalformed ? review.malformed : review.refused;
    if (!first) first = *refusal;
    return;
  }
  const std::string& person = claim.judged.signer->person;
  if (std::find(review.people.begin(), review.people.end(), person) != review.people.end()) return;
  review.people.push_back(person);
  if (review.envelopes.empty() || review.envelopes.back() != claim.envelope)
    review.envelopes.push_back(claim.envelope);
}

// Refuses the good signatures under statements that say something else. Comes after the signatures:
// reading a tree is work, and nobody but the policy's people may ask for it.
void RefuseUnsaid(const ReviewGraph& graph, const std::map<size_t, HumanReview>& said,
                  std::optional<TreeSha256>& trees, std::vector<Claim>& claims) {
  std::map<size_t, Verdict<void>> judged;  // by envelope
  for (Claim& claim : claims) {
    if (claim.judged.refusal) continue;
    auto known = judged.find(claim.envelope);
    if (known == judged.end()) {
      const ReviewNode& node = graph.commits[claim.judged.commit];
      known = judged.emplace(claim.envelope, CheckSaid(said.at(claim.envelope), node, trees)).first;
    }
    if (!known->second) claim.judged.refusal = known->second.error();
  }
}

}  // namespace

Verdict<StatedReviews> JudgeStatements(const Policy& policy, git::ObjectSource& objects,
                                       const ReviewGraph& graph, const ReviewRequest& request) {
  if (request.statements.size() > kMaxReviewStatements) {
    return Refusal{Reason::kMalformed,
                   "more than " + std::to_string(kMaxReviewStatements) + " statements"};
  }
  std::map<git::ObjectId, size_t> places;
  if (!request.statements.empty()) {
    for (const ReviewChange& change : graph.changes)
      places.emplace(graph.commits[change.mainline()].id, change.mainline());
  }
  std::optional<TreeSha256> trees;
  if (request.with_trees) trees.emplace(objects);
  StatedReviews out;
  std::vector<Claim> claims;
  std::map<size_t, HumanReview> said;  // by envelope
  for (size_t i = 0; i < request.statements.size(); ++i) {
    const DsseEnvelope& envelope = request.statements[i];
    if (envelope.payload_type != kInTotoPayloadType) continue;
    const auto review = ParseHumanReview(envelope.payload);
    if (!review) {
      return RefusalFrom(review.error(), Reason::kMalformed)
          .In("statement " + std::to_string(i + 1));
    }
    const auto place = *review ? places.find((*review)->commit) : places.end();
    if (place == places.end()) continue;
    said.emplace(i, std::move(**review));
    for (size_t s = 0; s < envelope.signatures.size(); ++s)
      claims.push_back({i, s, {.commit = place->second, .of_review = true}});
  }
  (void)ParallelFor(claims.size(), std::max(1U, std::thread::hardware_concurrency()),
                    [&](size_t i) -> Status {
                      Claim& claim = claims[i];
                      const DsseEnvelope& envelope = request.statements[claim.envelope];
                      const std::string pae = DssePae(envelope.payload_type, envelope.payload);
                      claim.judged.message = crypto::Sha256Of(pae);
                      auto signer = CheckSignature(policy, envelope.signatures[claim.signature].sig,
                                                   pae, {Use::kReview, request.at_unix_s});
                      if (signer) {
                        claim.judged.signer = std::move(*signer);
                      } else {
                        claim.judged.refusal = std::move(signer).error().In("a review of it");
                      }
                      return {};
                    });
  RefuseUnsaid(graph, said, trees, claims);
  for (Claim& claim : claims) {
    Count(out.of_commit[claim.judged.commit], claim);
    out.signatures.push_back(std::move(claim.judged));
  }
  return out;
}

}  // namespace lethe::trust
