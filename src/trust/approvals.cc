#include "trust/approvals.h"

#include <algorithm>
#include <optional>

namespace lethe::trust {
namespace {

Refusal TooFew(const std::vector<Signer>& people, const std::optional<Refusal>& refused,
               int needed) {
  const std::string counted = std::to_string(people.size()) + " of " + std::to_string(needed) +
                              " approvals by distinct people";
  if (refused) return refused->In(counted);
  if (people.empty()) return {Reason::kTooFewApprovals, counted};
  std::string names;
  for (const Signer& signer : people) names += (names.empty() ? "" : ", ") + signer.person;
  return {Reason::kTooFewApprovals, counted + ": " + names};
}

}  // namespace

Verdict<std::vector<Signer>> CheckApprovals(const Policy& policy, std::string_view message,
                                            const std::vector<std::string>& signatures,
                                            const ApprovalRule& rule) {
  if (signatures.size() > kMaxApprovals) {
    return Refusal{Reason::kMalformed, "more than " + std::to_string(kMaxApprovals) + " approvals"};
  }
  std::vector<Signer> people;
  std::optional<Refusal> refused;
  for (const std::string& armoured : signatures) {
    auto signer = CheckSignature(policy, armoured, message, {rule.use, rule.at_unix_s});
    if (!signer && signer.error().reason == Reason::kMalformed)
      return std::move(signer).error().In("approval");
    if (signer && signer->person == rule.not_person) {
      signer = Refusal{Reason::kOnlyAuthor,
                       signer->person + " is the only author and cannot be an approver"};
    }
    if (!signer) {
      if (!refused) refused = std::move(signer).error();
      continue;
    }
    const bool fresh = std::none_of(people.begin(), people.end(), [&](const Signer& other) {
      return other.person == signer->person;
    });
    if (fresh) people.push_back(std::move(*signer));
  }
  if (people.size() < static_cast<size_t>(rule.needed)) return TooFew(people, refused, rule.needed);
  return people;
}

}  // namespace lethe::trust
