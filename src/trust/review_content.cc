#include "trust/review_content.h"

#include <algorithm>
#include <optional>

#include "trust/tree_change.h"

namespace lethe::trust {

Verdict<std::vector<MergerPath>> ReviewContent::ByMerger(const ReviewNode& merge) {
  MergeTrees trees;
  trees.first = graph_.TreeAt(merge.parents[0]);
  trees.result = merge.tree;
  std::vector<size_t> before{merge.parents[0]};
  for (size_t i = 1; i < merge.parents.size(); ++i) {
    const size_t other = merge.parents[i];
    MergedParent parent;
    for (const size_t base : LETHE_TRY(bases_.Of(before, other)))
      parent.bases.push_back(graph_.TreeAt(base));
    parent.tree = graph_.TreeAt(other);
    trees.others.push_back(std::move(parent));
    before.push_back(other);
  }
  return PathsByMerger(objects_, trees);
}

// Everything in it, where it has no parent.
Verdict<void> ReviewContent::TouchedFromFirst(const ReviewNode& node,
                                              std::vector<std::string>& touched) {
  std::optional<git::ObjectId> before;
  if (!node.parents.empty()) before = graph_.TreeAt(node.parents[0]);
  for (TreeChange& change : LETHE_TRY(ChangedPaths(objects_, before, node.tree)))
    touched.push_back(std::move(change.path));
  return {};
}

Verdict<ChangeContent> ReviewContent::Of(const ReviewChange& change) {
  ChangeContent out;
  for (size_t i = change.begin; i < change.end; ++i) {
    const ReviewNode& node = graph_.commits[i];
    const std::string where = "commit " + node.id.Hex();
    const bool mainline = i == change.mainline();
    if (node.parents.size() > 1) {
      auto paths = LETHE_TRY_IN(ByMerger(node), where);
      for (const MergerPath& path : paths) out.touched.push_back(path.path);
      if (mainline) out.by_merger = std::move(paths);
    }
    if (node.parents.size() < 2 || mainline) {
      LETHE_TRY_IN(TouchedFromFirst(node, out.touched), where);
    }
  }
  std::sort(out.touched.begin(), out.touched.end());
  out.touched.erase(std::unique(out.touched.begin(), out.touched.end()), out.touched.end());
  return out;
}

}  // namespace lethe::trust
