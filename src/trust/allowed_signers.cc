#include "trust/allowed_signers.h"

#include <algorithm>

#include "base/strings.h"
#include "base/utc.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kBlank = " \t";

Error Malformed(std::string_view what) { return {ErrorCode::kMalformed, std::string(what)}; }
Error Untrusted(std::string_view what) { return {ErrorCode::kUntrusted, std::string(what)}; }

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "a,b": names, each once, without what ssh-keygen would take for a pattern.
Result<std::vector<std::string>> ReadNames(std::string_view list, std::string_view what) {
  std::vector<std::string> names;
  for (const std::string_view name : Split(list, ',')) {
    if (name.empty()) return Malformed("an empty " + std::string(what));
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; }) ||
        name.find_first_of("\"\\#") != std::string_view::npos) {
      return Malformed(std::string(what) + " '" + Printable(name) + "' is not a plain name");
    }
    if (name.find_first_of("*?!") != std::string_view::npos)
      return Untrusted(std::string(what) + " '" + Printable(name) + "' is a pattern");
    if (std::find(names.begin(), names.end(), name) != names.end())
      return Malformed(std::string(what) + " '" + Printable(name) + "' twice");
    if (names.size() == kMaxAllowedNames)
      return Malformed("more than " + std::to_string(kMaxAllowedNames) + " names of one kind");
    names.emplace_back(name);
  }
  return names;
}

// "YYYYMMDD[HHMM[SS]]Z"
Result<int64_t> ReadTime(std::string_view text) {
  const std::string shown = "time '" + Printable(text.substr(0, 32)) + "'";
  if (!text.ends_with('Z'))
    return Malformed(shown + " ends without Z: it would mean each machine's own zone");
  std::string digits(text.substr(0, text.size() - 1));
  if (digits.size() != 8 && digits.size() != 12 && digits.size() != 14)
    return Malformed(shown + " is not YYYYMMDD[HHMM[SS]]Z");
  digits.append(14 - digits.size(), '0');
  std::string rfc3339;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i == 4 || i == 6) rfc3339 += '-';
    if (i == 8) rfc3339 += 'T';
    if (i == 10 || i == 12) rfc3339 += ':';
    rfc3339 += digits[i];
  }
  const auto seconds = ParseUtc(rfc3339 + "Z");
  // 0 is how ssh-keygen says that there is no bound.
  if (!seconds || *seconds == 0) return Malformed(shown + " is not YYYYMMDD[HHMM[SS]]Z");
  return *seconds;
}

std::string WriteTime(int64_t unix_s) {
  std::string out;
  for (const char c : FormatUtc(unix_s)) {
    if (c != '-' && c != 'T' && c != ':') out += c;
  }
  return out;
}

struct Option {
  std::string name;  // lower case
  std::string_view value;
  bool has_value = false;
};

// Takes "name" or "name=\"value\"" from the front of `rest`.
Result<Option> NextOption(std::string_view& rest) {
  const size_t end = std::min(rest.find_first_of(" \t,=\""), rest.size());
  Option option{Lower(rest.substr(0, end)), {}, false};
  rest.remove_prefix(end);
  if (!rest.starts_with('=')) return option;
  rest.remove_prefix(1);
  const size_t close = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
  if (close == std::string_view::npos)
    return Malformed("the value of option '" + Printable(option.name) + "' is not in quotes");
  option.value = rest.substr(1, close - 1);
  option.has_value = true;
  rest.remove_prefix(close + 1);
  return option;
}

Status Apply(const Option& option, AllowedSigner& signer) {
  const std::string shown = "option '" + Printable(option.name) + "'";
  if (option.name == "cert-authority")
    return Untrusted(shown + ": keys are listed one by one, not by an authority");
  const bool is_time = option.name == "valid-after" || option.name == "valid-before";
  if (!is_time && option.name != "namespaces") return Malformed(shown + " is not known");
  if (!option.has_value) return Malformed(shown + " has no value");
  if (option.name == "namespaces") {
    if (!signer.namespaces.empty()) return Malformed(shown + " twice");
    signer.namespaces = LETHE_TRY(ReadNames(option.value, "namespace"));
    return {};
  }
  auto& bound =
      option.name == "valid-after" ? signer.valid_after_unix_s : signer.valid_before_unix_s;
  if (bound) return Malformed(shown + " twice");
  bound = LETHE_TRY_IN(ReadTime(option.value), shown);
  return {};
}

Status ReadOptions(std::string_view& rest, AllowedSigner& signer) {
  while (true) {
    const Option option = LETHE_TRY(NextOption(rest));
    LETHE_TRY(Apply(option, signer));
    if (rest.empty() || kBlank.find(rest.front()) != std::string_view::npos) return {};
    if (rest.front() != ',') return Malformed("options are not separated by commas");
    rest.remove_prefix(1);
  }
}

void SkipBlanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
}

// Keys begin with their type, which is no option.
bool StartsWithKey(std::string_view rest) {
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
  return word.starts_with("sk-") || word.starts_with("ssh-") || word.starts_with("ecdsa-") ||
         word.starts_with("webauthn-");
}

Result<AllowedSigner> ReadLine(std::string_view line) {
  AllowedSigner signer;
  const size_t end = std::min(line.find_first_of(kBlank), line.size());
  signer.principals = LETHE_TRY(ReadNames(line.substr(0, end), "principal"));
  std::string_view rest = line.substr(end);
  SkipBlanks(rest);
  if (!StartsWithKey(rest)) LETHE_TRY(ReadOptions(rest, signer));
  SkipBlanks(rest);
  signer.key = LETHE_TRY(ParseKeyLine(rest));
  if (signer.namespaces.empty())
    return Untrusted("no option namespaces: the key could sign everything");
  if (signer.valid_after_unix_s && signer.valid_before_unix_s &&
      *signer.valid_before_unix_s <= *signer.valid_after_unix_s) {
    return Malformed("valid-before is not behind valid-after");
  }
  return signer;
}

}  // namespace

Result<std::vector<AllowedSigner>> ParseAllowedSigners(std::string_view text, std::string file) {
  if (text.size() > kMaxAllowedSignersBytes)
    return Malformed(file + ": " + std::to_string(text.size()) + " bytes, at most " +
                     std::to_string(kMaxAllowedSignersBytes));
  std::vector<AllowedSigner> signers;
  int number = 0;
  for (std::string_view line : Lines(text)) {
    ++number;
    SkipBlanks(line);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = file + ":" + std::to_string(number);
    if (signers.size() == kMaxAllowedSigners)
      return Malformed(where + ": more than " + std::to_string(kMaxAllowedSigners) + " signers");
    signers.push_back(LETHE_TRY_IN(ReadLine(line), where));
  }
  return signers;
}

std::string WriteAllowedSigners(const std::vector<AllowedSigner>& signers) {
  std::string out;
  for (const AllowedSigner& signer : signers) {
    out += Join(signer.principals, ",") + " namespaces=\"" + Join(signer.namespaces, ",") + "\"";
    if (signer.valid_after_unix_s)
      out += ",valid-after=\"" + WriteTime(*signer.valid_after_unix_s) + "\"";
    if (signer.valid_before_unix_s)
      out += ",valid-before=\"" + WriteTime(*signer.valid_before_unix_s) + "\"";
    out += " " + signer.key.Line() + "\n";
  }
  return out;
}

}  // namespace lethe::trust
