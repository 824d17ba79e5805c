#include "trust/policy.h"

#include <algorithm>
#include <limits>

#include "base/base64.h"
#include "base/strings.h"
#include "base/utc.h"
#include "crypto/authenticode.h"
#include "toml/toml.h"
#include "trust/policy_check.h"
#include "trust/verifier_keys.h"

namespace lethe::trust {
namespace {

using toml::Located;
using toml::TableReader;

constexpr size_t kMaxPeople = 1000;
constexpr size_t kMaxMachines = 100;  // builders; witnesses; attestation roots
constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxPathBytes = 200;
constexpr int kMaxApprovals = 100;

Error Bad(const TableReader& reader, const Located& value, std::string_view key,
          std::string_view what) {
  return reader.ErrorAt(value.line, "key '" + std::string(key) + "': '" +
                                        Printable(value.value.substr(0, 120)) +
                                        "': " + std::string(what));
}

// The value of a parser of ours, or its error at this place of the file.
template <typename T>
Result<T> At(const TableReader& reader, const Located& value, std::string_view key,
             Result<T> parsed) {
  if (parsed) return parsed;
  Error error =
      reader.ErrorAt(value.line, "key '" + std::string(key) + "': " + parsed.error().message);
  error.code = parsed.error().code;
  return error;
}

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// They stand in names of files and in allowed_signers.
bool IsPersonName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && IsLower(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsDomain(std::string_view domain) {
  if (domain.size() > kMaxTextBytes) return false;
  const auto labels = Split(domain, '.');
  return labels.size() >= 2 && std::all_of(labels.begin(), labels.end(), [](std::string_view l) {
           return !l.empty() && l.size() <= 63 && l.front() != '-' && l.back() != '-' &&
                  std::all_of(l.begin(), l.end(),
                              [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
         });
}

bool IsRepositoryPath(std::string_view path) {
  if (!IsOneLine(path) || path.size() > kMaxPathBytes) return false;
  const auto parts = Split(path, '/');
  return std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || part == "." || part == ".." || part == ".git";
  });
}

Result<std::string> Checked(TableReader& t, std::string_view key, bool (*is_good)(std::string_view),
                            std::string_view allowed) {
  const Located value = LETHE_TRY(t.String(key));
  if (!is_good(value.value)) return Bad(t, value, key, allowed);
  return value.value;
}

Result<int> SmallNumber(TableReader& t, std::string_view key, toml::IntegerRange range) {
  return static_cast<int>(LETHE_TRY(t.Integer(key, range)));
}

Status ReadHead(TableReader& root, Policy& policy) {
  LETHE_TRY(root.Integer("format", {1, 1}));
  policy.number = LETHE_TRY(root.Integer("number", {1, std::numeric_limits<int32_t>::max()}));
  policy.domain =
      LETHE_TRY(Checked(root, "domain", IsDomain, "allowed: a domain such as vpn.example"));
  policy.allow_test_keys = LETHE_TRY(root.Bool("test_keys"));
  for (const Located& person : LETHE_TRY(root.Strings("people"))) {
    if (!IsPersonName(person.value)) {
      return Bad(root, person, "people",
                 "allowed: lower-case letters, digits, '-', '_', '.'; a letter first; at most 64");
    }
    if (std::find(policy.people.begin(), policy.people.end(), person.value) != policy.people.end())
      return Bad(root, person, "people", "listed twice");
    policy.people.push_back(person.value);
  }
  if (policy.people.size() > kMaxPeople)
    return root.ErrorAt(0, "key 'people': more than 1000 people");
  return {};
}

Status ReadRules(TableReader& root, Policy& policy) {
  auto review = LETHE_TRY(root.Table("review"));
  policy.review.owners_file = LETHE_TRY(
      Checked(review, "owners_file", IsRepositoryPath, "allowed: a path inside the repository"));
  policy.review.pin = LETHE_TRY(review.Bool("pin"));
  LETHE_TRY(review.Finish());
  auto release = LETHE_TRY(root.Table("release"));
  policy.release.approvals = LETHE_TRY(SmallNumber(release, "approvals", {0, kMaxApprovals}));
  policy.release.pin = LETHE_TRY(release.Bool("pin"));
  policy.release.max_age_days =
      LETHE_TRY(SmallNumber(release, "max_age_days", {1, kMaxReleaseAgeDays}));
  policy.release.builders = LETHE_TRY(SmallNumber(release, "builders", {0, kMaxMachines}));
  policy.release.log = LETHE_TRY(release.Bool("log"));
  LETHE_TRY(release.Finish());
  auto next = LETHE_TRY(root.Table("policy"));
  policy.next.approvals = LETHE_TRY(SmallNumber(next, "approvals", {0, kMaxApprovals}));
  policy.next.pin = LETHE_TRY(next.Bool("pin"));
  return next.Finish();
}

Result<std::set<Use>> ReadUses(TableReader& t) {
  std::set<Use> may;
  for (const Located& word : LETHE_TRY(t.Strings("may"))) {
    const auto use = std::find_if(std::begin(kAllUses), std::end(kAllUses),
                                  [&](Use u) { return ToString(u) == word.value; });
    if (use == std::end(kAllUses))
      return Bad(t, word, "may", "allowed: commit, review, release, policy");
    if (!may.insert(*use).second) return Bad(t, word, "may", "listed twice");
  }
  if (may.empty()) return t.ErrorAt(0, "key 'may' in [key]: must name at least one use");
  return may;
}

Result<std::optional<int64_t>> ReadTime(TableReader& t, std::string_view key) {
  const auto text = LETHE_TRY(t.OptionalString(key));
  if (!text) return std::optional<int64_t>();
  const int64_t time = LETHE_TRY(At(t, *text, key, ParseUtc(text->value)));
  // ssh-keygen takes time 0 for no limit, and an end is exported as the second before it.
  if (time < 2)
    return t.ErrorAt(text->line, "key '" + std::string(key) + "': before the year 1970");
  return std::optional<int64_t>(time);
}

// The same secret makes the signatures, whatever application its key is enrolled for.
bool SameSecret(const SshPublicKey& a, const SshPublicKey& b) {
  return a.type == b.type && a.point == b.point;
}

Status CheckKey(const TableReader& t, const Policy& policy, const PolicyKey& key) {
  for (const PolicyKey& other : policy.keys) {
    if (!SameSecret(other.key, key.key)) continue;
    return t.ErrorAt(0, "key " + key.key.Fingerprint() + " of " + key.person +
                            " is there already, of " + other.person);
  }
  if (key.valid_after_unix_s && key.valid_before_unix_s &&
      *key.valid_before_unix_s <= *key.valid_after_unix_s) {
    return t.ErrorAt(0, "key " + key.key.Fingerprint() + " ends before it begins");
  }
  if (key.test != key.key.IsTestKey()) {
    return t.ErrorAt(0, "key " + key.key.Fingerprint() + " of " + key.person +
                            (key.test ? " is marked 'test = true' and is no test key"
                                      : " is a test key and must be marked 'test = true'"));
  }
  if (key.test && !policy.allow_test_keys) {
    Error error = t.ErrorAt(0, "key " + key.key.Fingerprint() + " of " + key.person +
                                   " is a test key, and 'test_keys' is false");
    error.code = ErrorCode::kUntrusted;
    return error;
  }
  return {};
}

Status ReadKeys(TableReader& root, Policy& policy) {
  auto tables = LETHE_TRY(root.Tables("key"));
  if (tables.size() > kMaxPolicyKeys) return root.ErrorAt(0, "more than 1000 [[key]]");
  for (TableReader& t : tables) {
    PolicyKey key;
    const Located person = LETHE_TRY(t.String("person"));
    if (std::find(policy.people.begin(), policy.people.end(), person.value) == policy.people.end())
      return Bad(t, person, "person", "is not one of 'people'");
    key.person = person.value;
    const Located line = LETHE_TRY(t.String("key"));
    key.key = LETHE_TRY(At(t, line, "key", ParseKeyLine(line.value)));
    key.may = LETHE_TRY(ReadUses(t));
    key.valid_after_unix_s = LETHE_TRY(ReadTime(t, "valid_after"));
    key.valid_before_unix_s = LETHE_TRY(ReadTime(t, "valid_before"));
    key.test = LETHE_TRY(t.BoolOr("test", false));
    LETHE_TRY(CheckKey(t, policy, key));
    LETHE_TRY(t.Finish());
    policy.keys.push_back(std::move(key));
  }
  return {};
}

bool IsFingerprint(std::string_view text) {
  if (!text.starts_with("SHA256:")) return false;
  const auto digest = Base64Decode(text.substr(7), {.url = false, .padding = false});
  return digest && digest->size() == 32;
}

Status ReadRevoked(TableReader& root, Policy& policy) {
  auto tables = LETHE_TRY(root.Tables("revoked"));
  if (tables.size() > kMaxPolicyKeys) return root.ErrorAt(0, "more than 1000 [[revoked]]");
  std::set<std::string> seen;
  for (TableReader& t : tables) {
    RevokedKey key;
    key.fingerprint = LETHE_TRY(
        Checked(t, "key", IsFingerprint, "allowed: a fingerprint as of ssh-keygen -l: SHA256:…"));
    key.reason = LETHE_TRY(Checked(t, "reason", IsOneLine, "allowed: one line, not empty"));
    if (!seen.insert(key.fingerprint).second)
      return t.ErrorAt(0, "key 'key': " + key.fingerprint + " is revoked twice");
    LETHE_TRY(t.Finish());
    policy.revoked.push_back(std::move(key));
  }
  return {};
}

Status ReadBuilders(TableReader& root, Policy& policy) {
  auto tables = LETHE_TRY(root.Tables("builder"));
  if (tables.size() > kMaxMachines) return root.ErrorAt(0, "more than 100 [[builder]]");
  for (TableReader& t : tables) {
    Builder builder;
    builder.name = LETHE_TRY(Checked(t, "name", IsPersonName, "allowed: as in 'people'"));
    builder.operator_name =
        LETHE_TRY(Checked(t, "operator", IsPersonName, "allowed: as in 'people'"));
    const Located key = LETHE_TRY(t.String("key"));
    builder.public_key_der = LETHE_TRY(At(t, key, "key", ParsePublicKeyInfo(key.value)));
    LETHE_TRY(t.Finish());
    for (const Builder& other : policy.builders) {
      if (other.name == builder.name || other.public_key_der == builder.public_key_der)
        return t.ErrorAt(0, "builder '" + builder.name + "': its name or its key is there already");
    }
    policy.builders.push_back(std::move(builder));
  }
  return {};
}

// Without name and key ID: one key under two names is one witness.
std::string_view KeyOf(const NoteKey& key) {
  return std::string_view(key.line).substr(key.line.find('+', key.name.size() + 1) + 1);
}

Status ReadLog(TableReader& root, Policy& policy) {
  if (auto t = LETHE_TRY(root.OptionalTable("log"))) {
    const Located line = LETHE_TRY(t->String("key"));
    policy.log = LETHE_TRY(At(*t, line, "key", ParseNoteKey(line.value, NoteAlgorithm::kEd25519)));
    LETHE_TRY(t->Finish());
  }
  auto t = LETHE_TRY(root.OptionalTable("witnesses"));
  if (!t) return {};
  policy.witness_quorum = LETHE_TRY(SmallNumber(*t, "quorum", {1, kMaxMachines}));
  for (const Located& line : LETHE_TRY(t->Strings("keys"))) {
    NoteKey key =
        LETHE_TRY(At(*t, line, "keys", ParseNoteKey(line.value, NoteAlgorithm::kCosignatureV1)));
    for (const NoteKey& other : policy.witnesses) {
      if (other.name == key.name || KeyOf(other) == KeyOf(key))
        return Bad(*t, line, "keys", "a witness of this name, or with this key, is there already");
    }
    policy.witnesses.push_back(std::move(key));
    if (policy.witnesses.size() > kMaxMachines)
      return t->ErrorAt(line.line, "more than 100 witnesses");
  }
  return t->Finish();
}

Status ReadAttestation(TableReader& root, Policy& policy) {
  auto t = LETHE_TRY(root.OptionalTable("attestation"));
  if (!t) return {};
  for (const Located& pem : LETHE_TRY(t->Strings("roots"))) {
    LETHE_TRY(At(*t, pem, "roots", crypto::CertificateDer(pem.value)));
    policy.attestation_roots_pem.push_back(pem.value);
    if (policy.attestation_roots_pem.size() > kMaxMachines)
      return t->ErrorAt(pem.line, "more than 100 attestation roots");
  }
  return t->Finish();
}

Result<TableReader> Open(std::string_view bytes, std::string file) {
  if (bytes.size() > kMaxPolicyBytes)
    return Error{ErrorCode::kMalformed, file + ": a policy larger than 1 MiB"};
  return TableReader::Parse(bytes, std::move(file));
}

Result<Policy> Read(TableReader& root, std::string_view bytes) {
  Policy policy;
  policy.sha256 = crypto::Sha256Of(bytes);
  LETHE_TRY(ReadHead(root, policy));
  LETHE_TRY(ReadRules(root, policy));
  LETHE_TRY(ReadKeys(root, policy));
  LETHE_TRY(ReadRevoked(root, policy));
  LETHE_TRY(ReadBuilders(root, policy));
  LETHE_TRY(ReadLog(root, policy));
  LETHE_TRY(ReadAttestation(root, policy));
  LETHE_TRY(root.Finish());
  return policy;
}

// At the table that the weakness is in.
Error WeaknessError(TableReader& root, const Weakness& weakness) {
  int line = 1;
  if (const auto table = root.OptionalTable(weakness.table); table && *table)
    line = (*table)->line();
  Error error = root.ErrorAt(line, weakness.message);
  error.code = ErrorCode::kUntrusted;
  return error;
}

}  // namespace

std::string_view ToString(Use use) {
  switch (use) {
    case Use::kCommit:
      return "commit";
    case Use::kReview:
      return "review";
    case Use::kRelease:
      return "release";
    case Use::kPolicy:
      return "policy";
  }
  return "unknown";
}

bool IsOneLine(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTextBytes && IsPlainText(text);
}

std::string Policy::Namespace(Use use) const {
  if (use == Use::kCommit) return "git";
  return std::string(ToString(use)) + "@" + domain;
}

Result<Policy> ParsePolicyDraft(std::string_view bytes, std::string file) {
  TableReader root = LETHE_TRY(Open(bytes, std::move(file)));
  return Read(root, bytes);
}

Result<Policy> ParsePolicy(std::string_view bytes, std::string file) {
  TableReader root = LETHE_TRY(Open(bytes, std::move(file)));
  Policy policy = LETHE_TRY(Read(root, bytes));
  if (const auto weakness = FindWeakness(policy)) return WeaknessError(root, *weakness);
  return policy;
}

}  // namespace lethe::trust
