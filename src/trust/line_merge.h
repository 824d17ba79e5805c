// A three-way merge of lines: what both sides made of a common text. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "trust/line_diff.h"

namespace lethe::trust {

inline constexpr size_t kMaxMergeBytes = 16 << 20;  // of each text

struct MergeTexts {
  std::string_view base;
  std::string_view ours;
  std::string_view theirs;
};

// Nothing where they contradict each other (both changed the same or neighbouring lines, not in the
// same way), where one is binary (NUL in its first 8000 bytes, as git decides), or beyond the
// limits. `steps` as in DiffLines.
std::optional<std::string> MergeLines(const MergeTexts& texts, DiffAlgorithm algorithm,
                                      uint64_t& steps);

}  // namespace lethe::trust
