#include "trust/policy_edit.h"

#include <algorithm>

#include "base/strings.h"
#include "base/utc.h"
#include "trust/policy_check.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kByHand =
    "cannot be edited by this command: 'number' or 'people' does not begin its line, or more of "
    "its kind is there; edit it by hand";

Error Conflict(const std::string& file, std::string_view what) {
  return {ErrorCode::kConflict, file + ": " + std::string(what)};
}

// Where the value of a key of the root table begins: behind '=' and blanks. Only for keys that
// stand alone at the front of their line, as they do in every policy that people write.
std::optional<size_t> RootValue(std::string_view text, std::string_view key) {
  size_t at = 0;
  for (const std::string_view line : Lines(text)) {
    if (line.starts_with('[')) return {};
    std::string_view rest = line;
    if (rest.starts_with(key)) {
      rest.remove_prefix(key.size());
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
      if (rest.starts_with('=')) {
        rest.remove_prefix(1);
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
        return at + line.size() - rest.size();
      }
    }
    at += line.size() + 1;
  }
  return {};
}

bool SetNumber(std::string& text, int64_t from, int64_t to) {
  const auto at = RootValue(text, "number");
  const std::string old = std::to_string(from);
  if (!at || text.compare(*at, old.size(), old) != 0) return false;
  text.replace(*at, old.size(), std::to_string(to));
  return true;
}

// Behind the last string of the array 'people', over any number of lines and comments.
bool AddPerson(std::string& text, std::string_view person) {
  const auto begin = RootValue(text, "people");
  if (!begin || text[*begin] != '[') return false;
  size_t behind = 0;
  for (size_t at = *begin + 1; at < text.size(); ++at) {
    if (text[at] == '#') {
      at = text.find('\n', at);
    } else if (text[at] == '"' || text[at] == '\'') {
      at = text.find(text[at], at + 1);
      behind = at == std::string::npos ? 0 : at + 1;
    } else if (text[at] == ']') {
      const std::string quoted = "\"" + std::string(person) + "\"";
      text.insert(behind != 0 ? behind : *begin + 1, behind != 0 ? ", " + quoted : quoted);
      return true;
    }
    if (at == std::string::npos) return false;
  }
  return false;
}

std::string KeyBlock(const PolicyKey& key) {
  std::vector<std::string> may;
  for (const Use use : key.may) may.push_back("\"" + std::string(ToString(use)) + "\"");
  std::string block = "\n[[key]]\nperson = \"" + key.person + "\"\nkey = \"" + key.key.Line() +
                      "\"\nmay = [" + Join(may, ", ") + "]\n";
  if (key.valid_after_unix_s)
    block += "valid_after = \"" + FormatUtc(*key.valid_after_unix_s) + "\"\n";
  if (key.valid_before_unix_s)
    block += "valid_before = \"" + FormatUtc(*key.valid_before_unix_s) + "\"\n";
  if (key.test) block += "test = true\n";
  return block;
}

// A basic string of TOML.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string WithNewline(std::string_view bytes) {
  return std::string(bytes) + (bytes.empty() || bytes.ends_with('\n') ? "" : "\n");
}

bool IsRevoked(const Policy& policy, std::string_view fingerprint) {
  return std::any_of(policy.revoked.begin(), policy.revoked.end(),
                     [&](const RevokedKey& key) { return key.fingerprint == fingerprint; });
}

struct Expected {
  int64_t number = 0;
  size_t people = 0;
  size_t keys = 0;
  size_t revoked = 0;
};

// Whether the text says what was meant.
Status CheckEdit(const Policy& after, const Expected& expected, const std::string& file) {
  if (after.number == expected.number && after.people.size() == expected.people &&
      after.keys.size() == expected.keys && after.revoked.size() == expected.revoked) {
    return {};
  }
  return Conflict(file, kByHand);
}

}  // namespace

Result<PolicyEdit> AddKey(std::string_view bytes, const KeyAddition& addition,
                          const std::string& file) {
  const Policy before = LETHE_TRY(ParsePolicyDraft(bytes, file));
  const PolicyKey& key = addition.key;
  const bool known =
      std::find(before.people.begin(), before.people.end(), key.person) != before.people.end();
  if (known == addition.new_person) {
    return Conflict(file,
                    "'" + Printable(key.person) +
                        (known ? "' is one of 'people' already" : "' is not one of 'people'"));
  }
  if (IsRevoked(before, key.key.Fingerprint()))
    return Conflict(file, "key " + key.key.Fingerprint() + " is revoked");
  const bool draft = FindWeakness(before).has_value();
  std::string text = WithNewline(bytes);
  const int64_t number = before.number + (draft || addition.keep_number ? 0 : 1);
  if (!SetNumber(text, before.number, number) ||
      (addition.new_person && !AddPerson(text, key.person))) {
    return Conflict(file, kByHand);
  }
  text += KeyBlock(key);
  Policy after = LETHE_TRY(draft ? ParsePolicyDraft(text, file) : ParsePolicy(text, file));
  const size_t people = before.people.size() + (addition.new_person ? 1 : 0);
  LETHE_TRY(
      CheckEdit(after, {number, people, before.keys.size() + 1, before.revoked.size()}, file));
  return PolicyEdit{std::move(text), std::move(after)};
}

Result<PolicyEdit> RevokeKey(std::string_view bytes, const KeyRevocation& revocation,
                             const std::string& file) {
  const Policy before = LETHE_TRY(ParsePolicy(bytes, file));
  const std::string& fingerprint = revocation.key.fingerprint;
  if (IsRevoked(before, fingerprint))
    return Conflict(file, "key " + Printable(fingerprint) + " is revoked already");
  if (std::none_of(before.keys.begin(), before.keys.end(),
                   [&](const PolicyKey& key) { return key.key.Fingerprint() == fingerprint; })) {
    return Error{ErrorCode::kNotFound, file + ": no key " + Printable(fingerprint)};
  }
  std::string text = WithNewline(bytes);
  const int64_t number = before.number + (revocation.keep_number ? 0 : 1);
  if (!SetNumber(text, before.number, number)) return Conflict(file, kByHand);
  text += "\n[[revoked]]\nkey = \"" + fingerprint +
          "\"\nreason = " + Quoted(revocation.key.reason) + "\n";
  Policy after = LETHE_TRY(ParsePolicy(text, file));
  LETHE_TRY(CheckEdit(
      after, {number, before.people.size(), before.keys.size(), before.revoked.size() + 1}, file));
  return PolicyEdit{std::move(text), std::move(after)};
}

}  // namespace lethe::trust
