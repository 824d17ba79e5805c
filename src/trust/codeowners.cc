#include "trust/codeowners.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::trust {
namespace {

// How wildcards stand in a compiled glob: control characters are never a part of a pattern.
constexpr char kAnyRun = '\1';                // '*'
constexpr char kAnyByte = '\2';               // '?'
constexpr std::string_view kAnyDepth = "\3";  // a segment "**"

constexpr std::string_view kBlank = " \t";

Error Malformed(std::string_view what) { return {ErrorCode::kMalformed, std::string(what)}; }

std::string Limit(std::string_view what, size_t limit) {
  return "more than " + std::to_string(limit) + " " + std::string(what);
}

// Takes the pattern off the begin of `line`: up to a blank without a backslash before it.
std::string_view TakePattern(std::string_view& line) {
  size_t end = 0;
  while (end < line.size() && kBlank.find(line[end]) == std::string_view::npos)
    end += line[end] == '\\' ? 2 : 1;
  const std::string_view pattern = line.substr(0, end);
  line.remove_prefix(pattern.size());
  return pattern;
}

// One name of a pattern, with '\' and wildcards read.
Result<std::string> CompileSegment(std::string_view text) {
  if (text == "." || text == ".." || text.empty())
    return Malformed("a pattern with a name '" + std::string(text) + "' matches nothing");
  if (text == "**") return std::string(kAnyDepth);
  if (text.find("***") != std::string_view::npos) return Malformed("'***' in a pattern");
  std::string glob;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == ']') return Malformed("a range in '[ ]' is no part of this syntax");
    if (c == '\\') {
      if (++i == text.size()) return Malformed("a pattern ends in the middle of an escape");
      glob += text[i];
    } else if (c == '*') {
      if (glob.empty() || glob.back() != kAnyRun) glob += kAnyRun;
    } else {
      glob += c == '?' ? kAnyByte : c;
    }
  }
  return glob;
}

// Goes back to the last '*' alone: at most size of glob times size of name steps.
bool GlobMatches(std::string_view glob, std::string_view name) {
  size_t g = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g] == kAnyRun) {
      star = g++;
      resume = n;
    } else if (g < glob.size() && (glob[g] == kAnyByte || glob[g] == name[n])) {
      ++g;
      ++n;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == kAnyRun) ++g;
  return g == glob.size();
}

// "@alice @bob # comment"
Verdict<std::vector<std::string>> ParseOwners(std::string_view text,
                                              const std::vector<std::string>& people) {
  std::vector<std::string> owners;
  for (const std::string_view word : Words(text)) {
    if (word.starts_with('#')) break;
    const std::string shown = "owner '" + Printable(word.substr(0, 100)) + "'";
    if (word.find('@') == std::string_view::npos || word == "@")
      return Refusal{Reason::kMalformed, shown + " is not written @name"};
    const std::string name(word.substr(1));
    if (word.front() != '@' || std::find(people.begin(), people.end(), name) == people.end())
      return Refusal{Reason::kBadOwners, shown + " is nobody of the policy"};
    if (owners.size() == kMaxOwnersOfRule)
      return Refusal{Reason::kMalformed, Limit("owners", kMaxOwnersOfRule)};
    owners.push_back(name);
  }
  std::sort(owners.begin(), owners.end());
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  return owners;
}

}  // namespace

Result<CodeOwners::Rule> CodeOwners::ParsePattern(std::string_view pattern) {
  if (pattern.size() > kMaxOwnersPattern)
    return Malformed("a pattern of " + Limit("bytes", kMaxOwnersPattern));
  if (pattern.starts_with('!')) return Malformed("'!' is no part of this syntax");
  if (pattern.starts_with("\\#")) return Malformed("'\\#' is no part of this syntax");
  Rule rule;
  std::string_view rest = pattern;
  rule.only_below = rest.ends_with('/');
  if (rule.only_below) rest.remove_suffix(1);
  const bool anchored = rest.find('/') != std::string_view::npos;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.empty()) return Malformed("pattern '/' matches nothing");
  for (const std::string_view text : Split(rest, '/')) {
    std::string segment = LETHE_TRY(CompileSegment(text));
    if (segment == kAnyDepth && !rule.segments.empty() && rule.segments.back() == kAnyDepth)
      continue;
    rule.segments.push_back(std::move(segment));
  }
  if (rule.segments.back() == kAnyDepth) {
    if (rule.only_below && rule.segments.size() == 1)
      return Malformed("pattern '**/' is read differently by each tool; write '**'");
    rule.segments.pop_back();
    rule.only_below = true;
  } else if (!anchored) {
    rule.segments.insert(rule.segments.begin(), std::string(kAnyDepth));
  }
  // "docs/*" is for what lies right in docs.
  rule.below = rule.only_below || !anchored || rule.segments.back() != std::string(1, kAnyRun);
  return rule;
}

// As GlobMatches, with names for bytes.
bool CodeOwners::Matches(const Rule& rule, const std::vector<std::string_view>& names) {
  size_t s = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (true) {
    const bool at_end = n == names.size();
    if (s == rule.segments.size() && (at_end ? !rule.only_below : rule.below)) return true;
    if (s < rule.segments.size() && rule.segments[s] == kAnyDepth) {
      star = s++;
      resume = n;
    } else if (at_end) {
      return false;
    } else if (s < rule.segments.size() && GlobMatches(rule.segments[s], names[n])) {
      ++s;
      ++n;
    } else if (star != std::string_view::npos) {
      s = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
}

Verdict<std::vector<std::string>> CodeOwners::Of(std::string_view path) const {
  const std::vector<std::string_view> names = Split(path, '/');
  const auto rule = std::find_if(rules_.rbegin(), rules_.rend(),
                                 [&](const Rule& r) { return Matches(r, names); });
  if (rule == rules_.rend())
    return Refusal{Reason::kUnownedPath,
                   "path '" + Printable(path) + "': no pattern of " + file_ + " matches it"};
  if (rule->people.empty())
    return Refusal{Reason::kUnownedPath, "path '" + Printable(path) + "': " + file_ + ":" +
                                             std::to_string(rule->line) + " names no owner"};
  return rule->people;
}

Verdict<CodeOwners> ParseCodeOwners(std::string_view bytes, const std::string& file,
                                    const std::vector<std::string>& people) {
  if (bytes.size() > kMaxOwnersBytes)
    return Refusal{Reason::kMalformed, file + ": " + Limit("bytes", kMaxOwnersBytes)};
  CodeOwners owners;
  owners.file_ = file;
  size_t number = 0;
  for (std::string_view line : Lines(bytes)) {
    const std::string where = file + ":" + std::to_string(++number);
    const auto is_control = [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    };
    if (std::any_of(line.begin(), line.end(), is_control))
      return Refusal{Reason::kMalformed, where + ": a control character"};
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty() || line.front() == '#') continue;
    if (owners.rules_.size() == kMaxOwnersRules)
      return Refusal{Reason::kMalformed, where + ": " + Limit("patterns", kMaxOwnersRules)};
    const auto pattern = Judge(CodeOwners::ParsePattern(TakePattern(line)), Reason::kMalformed);
    CodeOwners::Rule rule = LETHE_TRY_IN(pattern, where);
    rule.people = LETHE_TRY_IN(ParseOwners(line, people), where);
    rule.line = number;
    owners.rules_.push_back(std::move(rule));
  }
  return owners;
}

}  // namespace lethe::trust
