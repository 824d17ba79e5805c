// CODEOWNERS: which people own which paths (docs/formats/review-content.md#owners). GitHub's
// syntax; what GitHub skips in silence is refused here. Pure.
//   /src/crypto/  @alice @bob   # a comment
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "trust/refusal.h"

namespace lethe::trust {

inline constexpr size_t kMaxOwnersBytes = 256 << 10;
inline constexpr size_t kMaxOwnersRules = 4000;
inline constexpr size_t kMaxOwnersPattern = 1000;  // bytes
inline constexpr size_t kMaxOwnersOfRule = 100;

class CodeOwners {
 public:
  // The owners of a path (bytes, "a/b", no '/' at its begin): those of the last pattern that
  // matches, at least one. kUnownedPath where none matches, or the last one names nobody. The cost
  // is at most the bytes of all patterns times those of the path.
  Verdict<std::vector<std::string>> Of(std::string_view path) const;

 private:
  friend Verdict<CodeOwners> ParseCodeOwners(std::string_view, const std::string&,
                                             const std::vector<std::string>&);
  struct Rule {
    // One glob for each name of a path; kAnyDepth stands for any number of names.
    std::vector<std::string> segments;
    bool below = false;               // what lies in a folder that matches is matched too
    bool only_below = false;          // and nothing else is
    std::vector<std::string> people;  // sorted, each once; nobody: the rule clears ownership
    size_t line = 0;
  };
  static Result<Rule> ParsePattern(std::string_view pattern);
  static bool Matches(const Rule& rule, const std::vector<std::string_view>& names);

  std::string file_;
  std::vector<Rule> rules_;
};

// kMalformed with file and line: a line that GitHub would skip ('!', "[ ]", "\#"; an owner that is
// no @name), a pattern that matches nothing, control characters, more than the limits. kBadOwners
// with file and line: an owner who is not in `people`, a team, an e-mail address.
Verdict<CodeOwners> ParseCodeOwners(std::string_view bytes, const std::string& file,
                                    const std::vector<std::string>& people);

}  // namespace lethe::trust
