#include "trust/policy_diff.h"

#include <cstdlib>
#include <map>
#include <set>

#include "base/strings.h"
#include "base/utc.h"
#include "trust/policy_check.h"

namespace lethe::trust {
namespace {

std::string UsesInWords(const std::set<Use>& uses) {
  std::vector<std::string> words;
  for (const Use use : uses) words.emplace_back(InWords(use));
  return Join(words, ", ");
}

class Differ {
 public:
  Differ(const Policy& older, const Policy& newer) : older_(older), newer_(newer) {}

  std::vector<PolicyChange> Run() {
    Rules();
    People();
    Keys();
    Revocations();
    Machines();
    return std::move(changes_);
  }

 private:
  void Tighter(std::string text) { changes_.push_back({std::move(text), false}); }
  void Looser(std::string text) { changes_.push_back({std::move(text), true}); }
  void Say(bool loosens, std::string text) { changes_.push_back({std::move(text), loosens}); }

  // "a release needs 1 approval fewer (2 instead of 3)"
  void Needs(const std::string& who, const std::string& what, int before, int after) {
    if (before == after) return;
    Say(after < before, who + " needs " + Counted(std::abs(after - before), what) +
                            (after < before ? " fewer (" : " more (") + std::to_string(after) +
                            " instead of " + std::to_string(before) + ")");
  }
  void Pin(const std::string& who, bool before, bool after) {
    if (before != after) Say(before, who + (after ? " needs a PIN now" : " needs no PIN any more"));
  }

  void Rules() {
    if (older_.domain != newer_.domain) {
      Looser("the domain is " + newer_.domain + " instead of " + older_.domain +
             ": signatures for the one do not count for the other");
    }
    if (older_.allow_test_keys != newer_.allow_test_keys) {
      Say(newer_.allow_test_keys, newer_.allow_test_keys ? "keys of software are allowed now"
                                                         : "keys of software are refused now");
    }
    Pin("a commit or a review", older_.review.pin, newer_.review.pin);
    if (older_.review.owners_file != newer_.review.owners_file) {
      Looser("owners are named in " + newer_.review.owners_file + " instead of " +
             older_.review.owners_file);
    }
    const ReleaseRules& before = older_.release;
    const ReleaseRules& after = newer_.release;
    Needs("a release", "approval", before.approvals, after.approvals);
    Pin("an approval of a release", before.pin, after.pin);
    if (before.max_age_days != after.max_age_days) {
      Say(after.max_age_days > before.max_age_days,
          "a release may be valid for " + Counted(after.max_age_days, "day") + " instead of " +
              std::to_string(before.max_age_days));
    }
    Needs("a release", "builder", before.builders, after.builders);
    if (before.log != after.log)
      Say(before.log, after.log ? "a release must be in the log now"
                                : "a release need not be in the log any more");
    Needs("a new policy", "approval", older_.next.approvals, newer_.next.approvals);
    Pin("an approval of a policy", older_.next.pin, newer_.next.pin);
  }

  void People() {
    const std::set<std::string> before(older_.people.begin(), older_.people.end());
    const std::set<std::string> after(newer_.people.begin(), newer_.people.end());
    for (const std::string& person : after) {
      if (!before.contains(person)) Tighter(person + " is a new person");
    }
    for (const std::string& person : before) {
      if (!after.contains(person)) Tighter(person + " is no person of the policy any more");
    }
    for (const Use use : kAllUses) {
      const auto could = PeopleWhoMay(older_, use);
      const auto can = PeopleWhoMay(newer_, use);
      for (const std::string& person : can) {
        if (!could.contains(person)) Looser(person + " can now " + std::string(InWords(use)));
      }
      for (const std::string& person : could) {
        if (!can.contains(person)) Tighter(person + " can no longer " + std::string(InWords(use)));
      }
    }
  }

  static std::map<std::string, const PolicyKey*> ByFingerprint(const Policy& policy) {
    std::map<std::string, const PolicyKey*> keys;
    for (const PolicyKey& key : policy.keys) keys.emplace(key.key.Fingerprint(), &key);
    return keys;
  }

  static std::string Validity(const PolicyKey& key) {
    if (!key.valid_after_unix_s && !key.valid_before_unix_s) return "always";
    std::string text;
    if (key.valid_after_unix_s) text = "from " + FormatUtc(*key.valid_after_unix_s);
    if (key.valid_before_unix_s)
      text += (text.empty() ? "before " : ", before ") + FormatUtc(*key.valid_before_unix_s);
    return text;
  }

  void ChangedKey(const std::string& name, const PolicyKey& before, const PolicyKey& after) {
    if (before.person != after.person)
      Looser(name + " belongs to " + after.person + " instead of " + before.person);
    std::set<Use> gained;
    std::set<Use> lost;
    for (const Use use : kAllUses) {
      if (after.may.contains(use) && !before.may.contains(use)) gained.insert(use);
      if (!after.may.contains(use) && before.may.contains(use)) lost.insert(use);
    }
    if (!gained.empty()) Looser(name + " may now " + UsesInWords(gained));
    if (!lost.empty()) Tighter(name + " may no longer " + UsesInWords(lost));
    if (before.valid_after_unix_s == after.valid_after_unix_s &&
        before.valid_before_unix_s == after.valid_before_unix_s)
      return;
    const bool earlier =
        after.valid_after_unix_s.value_or(0) < before.valid_after_unix_s.value_or(0);
    const bool later = after.valid_before_unix_s.value_or(kMaxUtcUnixS) >
                       before.valid_before_unix_s.value_or(kMaxUtcUnixS);
    Say(earlier || later,
        name + " is valid " + Validity(after) + " instead of " + Validity(before));
  }

  void Keys() {
    const auto before = ByFingerprint(older_);
    const auto after = ByFingerprint(newer_);
    for (const auto& [fingerprint, key] : after) {
      const std::string name = key->person + "'s key " + fingerprint;
      const auto old = before.find(fingerprint);
      if (old != before.end()) {
        ChangedKey(old->second->person + "'s key " + fingerprint, *old->second, *key);
        continue;
      }
      Looser(name + (key->test ? " (a test key)" : "") + " is new and may " +
             UsesInWords(key->may) + "; valid " + Validity(*key));
    }
    for (const auto& [fingerprint, key] : before) {
      if (!after.contains(fingerprint))
        Tighter(key->person + "'s key " + fingerprint + " is not listed any more");
    }
  }

  void Revocations() {
    std::map<std::string, std::string> before;
    std::map<std::string, std::string> after;
    for (const RevokedKey& key : older_.revoked) before.emplace(key.fingerprint, key.reason);
    for (const RevokedKey& key : newer_.revoked) after.emplace(key.fingerprint, key.reason);
    const auto keys = ByFingerprint(newer_);
    const auto old_keys = ByFingerprint(older_);
    const auto name = [&](const std::string& fingerprint) {
      for (const auto* known : {&keys, &old_keys}) {
        const auto found = known->find(fingerprint);
        if (found != known->end()) return found->second->person + "'s key " + fingerprint;
      }
      return "key " + fingerprint;
    };
    for (const auto& [fingerprint, reason] : after) {
      if (!before.contains(fingerprint)) Tighter(name(fingerprint) + " is revoked: " + reason);
    }
    for (const auto& [fingerprint, reason] : before) {
      if (!after.contains(fingerprint)) Looser(name(fingerprint) + " is not revoked any more");
    }
  }

  template <typename T, typename Text>
  void Set(const std::vector<T>& older, const std::vector<T>& newer, Text text) {
    std::set<std::string> before;
    std::set<std::string> after;
    for (const T& entry : older) before.insert(text(entry));
    for (const T& entry : newer) after.insert(text(entry));
    for (const std::string& entry : after) {
      if (!before.contains(entry)) Looser(entry + " is trusted now");
    }
    for (const std::string& entry : before) {
      if (!after.contains(entry)) Tighter(entry + " is not trusted any more");
    }
  }

  void Machines() {
    Set(older_.builders, newer_.builders, [](const Builder& b) {
      return "builder " + b.name + " of " + b.operator_name + " (key sha256 " +
             crypto::Sha256Of(b.public_key_der).Hex() + ")";
    });
    const auto logs = [](const Policy& policy) {
      return policy.log ? std::vector{*policy.log} : std::vector<NoteKey>();
    };
    Set(logs(older_), logs(newer_), [](const NoteKey& key) { return "log " + key.line; });
    Set(older_.witnesses, newer_.witnesses,
        [](const NoteKey& key) { return "witness " + key.line; });
    Needs("a checkpoint of the log", "cosignature", older_.witness_quorum, newer_.witness_quorum);
    Set(older_.attestation_roots_pem, newer_.attestation_roots_pem, [](const std::string& pem) {
      return "the authenticator vendor with the root certificate (PEM sha256 " +
             crypto::Sha256Of(pem).Hex() + ")";
    });
  }

  const Policy& older_;
  const Policy& newer_;
  std::vector<PolicyChange> changes_;
};

}  // namespace

std::string_view InWords(Use use) {
  switch (use) {
    case Use::kCommit:
      return "sign commits";
    case Use::kReview:
      return "sign reviews";
    case Use::kRelease:
      return "sign releases";
    case Use::kPolicy:
      return "approve policies";
  }
  return "";
}

std::vector<PolicyChange> DiffPolicies(const Policy& older, const Policy& newer) {
  return Differ(older, newer).Run();
}

}  // namespace lethe::trust
