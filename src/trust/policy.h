// The policy: who may say what, how many of them it takes, and for how long it holds. One TOML file
// in the recipe (docs/formats/policy.md), carried by the image. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"
#include "trust/refusal.h"
#include "trust/ssh_key.h"

namespace lethe::trust {

inline constexpr size_t kMaxPolicyBytes = 1 << 20;
inline constexpr size_t kMaxPolicyKeys = 1000;
inline constexpr int kMaxReleaseAgeDays = 14;
inline constexpr size_t kMaxTextBytes = 200;

// What a key may sign. Each has its own SSHSIG namespace, so that a signature for one purpose is
// none for another.
enum class Use {
  kCommit,   // "git"
  kReview,   // "review@<domain>": a human-review statement
  kRelease,  // "release@<domain>"
  kPolicy,   // "policy@<domain>": the next policy
};
inline constexpr Use kAllUses[] = {Use::kCommit, Use::kReview, Use::kRelease, Use::kPolicy};
std::string_view ToString(Use use);  // "commit", as in the file

struct PolicyKey {
  SshPublicKey key;
  std::string person;
  std::set<Use> may;
  std::optional<int64_t> valid_after_unix_s;   // from this second on
  std::optional<int64_t> valid_before_unix_s;  // not from this second on
  bool test = false;  // true exactly for keys of the software authenticator
};

struct RevokedKey {
  std::string fingerprint;  // "SHA256:…"
  std::string reason;
};

struct ReviewRules {
  std::string owners_file;  // path in the repository, in CODEOWNERS syntax
  bool pin = false;         // commits and reviews need the PIN too
};

struct ReleaseRules {
  int approvals = 0;  // distinct people, >= 2
  bool pin = true;
  int max_age_days = 0;  // 1 to kMaxReleaseAgeDays
  int builders = 0;      // distinct operators whose builds must agree; 0 must be written down
  bool log = false;      // an entry in the log with a quorum of witnesses
};

struct PolicyRules {
  int approvals = 0;  // distinct people, >= 2, behind the next policy
  bool pin = true;
};

struct Builder {
  std::string name;
  std::string operator_name;
  std::string public_key_der;  // SubjectPublicKeyInfo: Ed25519 or P-256
};

struct NoteKey {     // a verifier key of a signed note
  std::string name;  // a log's origin or a witness' name
  std::string line;  // "name+keyid+base64", as other tools take it
};

struct Policy {
  int64_t number = 0;  // >= 1
  std::string domain;  // of the namespaces
  std::vector<std::string> people;
  std::vector<PolicyKey> keys;
  std::vector<RevokedKey> revoked;
  ReviewRules review;
  ReleaseRules release;
  PolicyRules next;
  std::vector<Builder> builders;
  std::optional<NoteKey> log;
  std::vector<NoteKey> witnesses;
  int witness_quorum = 0;
  bool allow_test_keys = false;
  std::vector<std::string> attestation_roots_pem;  // vendors whose authenticators are enrolled
  crypto::Sha256Digest sha256;                     // of the file

  std::string Namespace(Use use) const;
};

// Whether a text can stand in a policy: 1 to kMaxTextBytes of plain text (IsPlainText).
bool IsOneLine(std::string_view text);

// kMalformed with file, line and key for what does not follow the format (an unknown key, a key
// twice or of two people, a stranger's name, a test key that is not marked, …); kUntrusted, worded
// the same way, for a policy that nobody could satisfy or that one person alone could
// (kPolicyWeak). `file` is only for messages.
Result<Policy> ParsePolicy(std::string_view bytes, std::string file);

// The same, also where the policy is weak: for the first one, which grows key by key. No trust is
// ever decided by such a policy.
Result<Policy> ParsePolicyDraft(std::string_view bytes, std::string file);

}  // namespace lethe::trust
