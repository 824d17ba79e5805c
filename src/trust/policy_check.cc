#include "trust/policy_check.h"

#include "base/strings.h"

namespace lethe::trust {
namespace {

constexpr int kLeastPeople = 2;

std::string People(size_t count) {
  return count == 1 ? "1 person" : std::to_string(count) + " people";
}

std::optional<Weakness> CheckApprovals(const Policy& policy, Use use, int approvals) {
  const std::string table(ToString(use));
  if (approvals < kLeastPeople) {
    return Weakness{table, "key 'approvals' in [" + table +
                               "]: must be at least 2, or one person " + "alone could approve"};
  }
  const size_t able = PeopleWhoMay(policy, use).size();
  if (able >= static_cast<size_t>(approvals)) return {};
  return Weakness{table, "key 'approvals' in [" + table + "]: asks for " +
                             People(static_cast<size_t>(approvals)) + ", but " + People(able) +
                             " could: the rest has no key that may '" + table + "'"};
}

std::optional<Weakness> CheckReviewers(const Policy& policy) {
  const std::set<std::string> authors = PeopleWhoMay(policy, Use::kCommit);
  if (authors.empty()) return Weakness{"review", "nobody has a key that may 'commit'"};
  std::set<std::string> all = PeopleWhoMay(policy, Use::kReview);
  all.insert(authors.begin(), authors.end());
  if (all.size() >= kLeastPeople) return {};
  return Weakness{"review", "only " + *all.begin() +
                                " has a key that may 'commit' or 'review': no change could have "
                                "two people behind it"};
}

std::optional<Weakness> CheckMachines(const Policy& policy) {
  std::set<std::string> operators;
  for (const Builder& builder : policy.builders) operators.insert(builder.operator_name);
  if (operators.size() < static_cast<size_t>(policy.release.builders)) {
    return Weakness{"release", "key 'builders' in [release]: asks for " +
                                   Counted(policy.release.builders, "operator") +
                                   ", but [[builder]] names " + std::to_string(operators.size())};
  }
  if (static_cast<size_t>(policy.witness_quorum) > policy.witnesses.size()) {
    return Weakness{"witnesses", "key 'quorum' in [witnesses]: asks for " +
                                     std::to_string(policy.witness_quorum) + " of " +
                                     std::to_string(policy.witnesses.size())};
  }
  if (!policy.release.log) return {};
  if (!policy.log) return Weakness{"release", "key 'log' in [release]: there is no [log]"};
  if (policy.witnesses.empty())
    return Weakness{"release", "key 'log' in [release]: there are no [witnesses]"};
  return {};
}

}  // namespace

std::set<std::string> PeopleWhoMay(const Policy& policy, Use use) {
  std::set<std::string> revoked;
  for (const RevokedKey& key : policy.revoked) revoked.insert(key.fingerprint);
  std::set<std::string> people;
  for (const PolicyKey& key : policy.keys) {
    if (key.may.contains(use) && !revoked.contains(key.key.Fingerprint()))
      people.insert(key.person);
  }
  return people;
}

std::optional<Weakness> FindWeakness(const Policy& policy) {
  if (auto weakness = CheckReviewers(policy)) return weakness;
  if (auto weakness = CheckApprovals(policy, Use::kRelease, policy.release.approvals))
    return weakness;
  if (auto weakness = CheckApprovals(policy, Use::kPolicy, policy.next.approvals)) return weakness;
  return CheckMachines(policy);
}

}  // namespace lethe::trust
