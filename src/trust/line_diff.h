// Which lines two texts have in common, found as git finds them: the histogram algorithm, or Myers'
// (An O(ND) Difference Algorithm and Its Variations, 1986), with changes moved to where git leaves
// them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace lethe::trust {

inline constexpr size_t kMaxDiffLines = 1'000'000;  // of each text

enum class DiffAlgorithm { kHistogram, kMyers };

// Equal lines have equal numbers.
using LineNumbers = std::vector<uint32_t>;

// Lines [a_begin, a_end) of one text were replaced by [b_begin, b_end) of the other.
struct LineChange {
  size_t a_begin = 0, a_end = 0;
  size_t b_begin = 0, b_end = 0;
};

// In order, with at least one common line between two of them. `steps` is what the caller can wait
// for (a comparison of lines is one) and becomes what is left; nothing where it does not suffice,
// or a text has more than kMaxDiffLines.
std::optional<std::vector<LineChange>> DiffLines(const LineNumbers& a, const LineNumbers& b,
                                                 DiffAlgorithm algorithm, uint64_t& steps);

}  // namespace lethe::trust
