// Which paths differ between two trees. Nothing is guessed: a rename is a removal and an addition,
// so both paths are touched. Pure.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "git/object.h"
#include "trust/refusal.h"

namespace lethe::trust {

inline constexpr size_t kMaxTreeDepth = 128;
inline constexpr size_t kMaxPathBytes = 4096;
inline constexpr size_t kMaxTreeChanges = 200'000;
// One comparison: trees that are read, their bytes, and the bytes of all paths that it holds.
inline constexpr size_t kMaxTreesRead = 100'000;
inline constexpr size_t kMaxTreeBytesRead = size_t{1} << 30;
inline constexpr size_t kMaxTreePathBytes = 256 << 20;

struct TreeNode {
  git::EntryKind kind;  // kTree only for a folder with nothing in it
  git::ObjectId id;
  auto operator<=>(const TreeNode&) const = default;
};

struct TreeChange {
  std::string path;  // bytes, "a/b"
  std::optional<TreeNode> before;
  std::optional<TreeNode> after;
};

// Sorted by path, each path once. A tree that is not given has nothing in it. Subtrees that are
// equal are not read. kMalformed and kWrongObject with the path of the tree (what is missing
// is kWrongObject too), kMalformed beyond the limits.
Verdict<std::vector<TreeChange>> ChangedPaths(git::ObjectSource& objects,
                                              const std::optional<git::ObjectId>& before,
                                              const std::optional<git::ObjectId>& after);

}  // namespace lethe::trust
