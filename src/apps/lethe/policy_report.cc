#include "apps/lethe/policy_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "trust/policy_check.h"
#include "trust/policy_diff.h"

namespace lethe::cli {
namespace {

std::vector<std::string> WhoMay(const trust::Policy& policy, trust::Use use) {
  const auto people = trust::PeopleWhoMay(policy, use);
  return {people.begin(), people.end()};
}

}  // namespace

json::Value WhoMayJson(const trust::Policy& policy) {
  json::Object out;
  for (const trust::Use use : trust::kAllUses) {
    const auto people = WhoMay(policy, use);
    out.emplace(trust::ToString(use), json::Array(people.begin(), people.end()));
  }
  return out;
}

void PrintWhoMay(const trust::Policy& policy) {
  for (const trust::Use use : trust::kAllUses) {
    const auto people = WhoMay(policy, use);
    fmt::print("  can {:<17} {}\n", trust::InWords(use),
               people.empty() ? "nobody" : JoinNames(people));
  }
}

void PrintNextSteps(const std::string& file, const trust::Policy& policy, bool number_raised) {
  if (policy.number == 1) {
    fmt::print(
        "  lethe policy check {}    who can do what by it; --keep-number with each further change "
        "before anybody relies on it\n",
        ShellWord(file));
    return;
  }
  const int64_t before = policy.number - 1;
  fmt::print(
      "  lethe policy diff BEFORE {0}    what it changes; BEFORE is policy {1}, in force\n"
      "  lethe policy approve {0} --from BEFORE --key KEY    by each who approves it\n",
      ShellWord(file), before);
  if (number_raised) {
    fmt::print(
        "  (where policy {0} is not in force yet: set 'number' back to {0}, and give --keep-number "
        "with each further change)\n",
        before);
  }
}

std::vector<std::string> PolicyNotes(const trust::Policy& policy) {
  std::vector<std::string> notes;
  if (policy.allow_test_keys)
    notes.push_back("keys of software are allowed: for tests and demos only");
  std::set<std::string> with_key;
  for (const trust::Use use : trust::kAllUses) with_key.merge(trust::PeopleWhoMay(policy, use));
  for (const std::string& person : policy.people) {
    if (!with_key.contains(person)) notes.push_back(person + " has no key that is not revoked");
  }
  const auto approvers = trust::PeopleWhoMay(policy, trust::Use::kRelease);
  if (approvers.size() == static_cast<size_t>(policy.release.approvals)) {
    notes.push_back(
        fmt::format("a release needs all {} people who can approve one", policy.release.approvals));
    for (const std::string& author : trust::PeopleWhoMay(policy, trust::Use::kCommit)) {
      if (approvers.contains(author))
        notes.push_back("no release whose only author is " + author + " can be approved");
    }
  }
  if (trust::PeopleWhoMay(policy, trust::Use::kPolicy).size() ==
      static_cast<size_t>(policy.next.approvals)) {
    notes.push_back(fmt::format("the next policy needs all {} people who can approve one",
                                policy.next.approvals));
  }
  return notes;
}

}  // namespace lethe::cli
