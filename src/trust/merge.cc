#include "trust/merge.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/strings.h"
#include "trust/line_merge.h"

namespace lethe::trust {
namespace {

using Node = std::optional<TreeNode>;
using Changes = std::vector<TreeChange>;

bool IsFile(const Node& node) {
  return node && (node->kind == git::EntryKind::kFile || node->kind == git::EntryKind::kExecutable);
}

const TreeChange* FindChange(const Changes& changes, const std::string& path) {
  const auto at =
      std::lower_bound(changes.begin(), changes.end(), path,
                       [](const TreeChange& c, const std::string& p) { return c.path < p; });
  return at != changes.end() && at->path == path ? &*at : nullptr;
}

// What a path becomes by merging: each result that git's algorithms give. None: a conflict.
using Results = std::vector<Node>;

struct Path {
  Node first;  // in the first parent
  Results now;
};

struct Versions {
  Node base, ours, theirs;
};

class Merger {
 public:
  Merger(git::ObjectSource& objects, const git::ObjectId& first)
      : objects_(objects), first_(first) {}

  Result<void, Refusal> Add(const MergedParent& parent) {
    if (parent.bases.size() > kMaxMergeBases)
      return Refusal{Reason::kMergeContent,
                     "a merge with more than " + std::to_string(kMaxMergeBases) + " merge bases"};
    std::vector<std::optional<git::ObjectId>> bases(parent.bases.begin(), parent.bases.end());
    if (bases.empty()) bases.push_back(std::nullopt);
    std::map<std::string, std::pair<Path, size_t>> proposed;  // with the number of bases
    for (const auto& base : bases) {
      const Changes ours = LETHE_TRY(ChangedPaths(objects_, base, first_));
      const Changes theirs = LETHE_TRY(ChangedPaths(objects_, base, parent.tree));
      for (const TreeChange& change : theirs) {
        const TreeChange* own = FindChange(ours, change.path);
        const Path path = Current(change.path, own ? own->after : change.before);
        Path merged = path;
        merged.now =
            LETHE_TRY_IN(MergePath(path.now, change), "path '" + Printable(change.path) + "'");
        auto [at, is_new] = proposed.try_emplace(change.path, merged, 0);
        if (!is_new) KeepCommon(at->second.first.now, merged.now);
        ++at->second.second;
      }
    }
    for (auto& [name, proposal] : proposed) {
      auto& [path, count] = proposal;
      // Against the other bases this parent did not change it.
      if (count < bases.size()) KeepCommon(path.now, Current(name, path.first).now);
      paths_[name] = std::move(path);
    }
    return {};
  }

  Verdict<std::vector<MergerPath>> Compare(const git::ObjectId& result) {
    const Changes real = LETHE_TRY(ChangedPaths(objects_, first_, result));
    std::vector<MergerPath> out;
    for (const TreeChange& change : real) {
      if (!paths_.contains(change.path)) out.push_back({change.path, MergerReason::kDiffers});
    }
    for (const auto& [name, path] : paths_) {
      const TreeChange* change = FindChange(real, name);
      const Node& now = change ? change->after : path.first;
      if (path.now.empty()) {
        out.push_back({name, MergerReason::kConflict});
      } else if (std::find(path.now.begin(), path.now.end(), now) == path.now.end()) {
        out.push_back({name, MergerReason::kDiffers});
      }
    }
    std::sort(out.begin(), out.end(),
              [](const MergerPath& a, const MergerPath& b) { return a.path < b.path; });
    return out;
  }

 private:
  Path Current(const std::string& name, const Node& first) const {
    const auto at = paths_.find(name);
    return at != paths_.end() ? at->second : Path{first, {first}};
  }

  static void KeepCommon(Results& results, const Results& others) {
    std::erase_if(results, [&](const Node& node) {
      return std::find(others.begin(), others.end(), node) == others.end();
    });
  }

  Verdict<Results> MergePath(const Results& now, const TreeChange& change) {
    if (now.size() == 1) return MergeVersions({change.before, now[0], change.after});
    // More than one result, or a conflict, is no ground to merge on.
    return Results();
  }

  Verdict<Results> MergeVersions(const Versions& v) {
    if (v.ours == v.theirs || v.base == v.theirs) return Results{v.ours};
    if (v.base == v.ours) return Results{v.theirs};
    if (!IsFile(v.base) || !IsFile(v.ours) || !IsFile(v.theirs)) return Results();
    TreeNode merged = *v.ours;
    if (v.ours->kind == v.base->kind) merged.kind = v.theirs->kind;
    if (v.ours->id == v.theirs->id || v.theirs->id == v.base->id) return Results{merged};
    if (v.ours->id == v.base->id) {
      merged.id = v.theirs->id;
      return Results{merged};
    }
    return MergeContent(v, merged.kind);
  }

  Verdict<Results> MergeContent(const Versions& v, git::EntryKind kind) {
    const std::string base = LETHE_TRY(ReadFile(v.base->id));
    const std::string ours = LETHE_TRY(ReadFile(v.ours->id));
    const std::string theirs = LETHE_TRY(ReadFile(v.theirs->id));
    Results results;
    if (bytes_left_ == 0) return results;
    for (const DiffAlgorithm algorithm : {DiffAlgorithm::kHistogram, DiffAlgorithm::kMyers}) {
      auto text = MergeLines({base, ours, theirs}, algorithm, steps_left_);
      if (!text || !Spend(text->size())) continue;
      const TreeNode node{kind, git::HashObject(objects_.format(), git::ObjectType::kBlob, *text)};
      merged_[node.id] = std::move(*text);
      if (results.empty() || results[0] != node) results.emplace_back(node);
    }
    return results;
  }

  // Nothing in it beyond the limit.
  Verdict<std::string> ReadFile(const git::ObjectId& id) {
    if (bytes_left_ == 0) return std::string();
    if (const auto at = merged_.find(id); at != merged_.end()) return at->second;
    std::string bytes = LETHE_TRY_IN(
        Judge(objects_.Read(id, git::ObjectType::kBlob), Reason::kWrongObject), "blob " + id.Hex());
    if (!Spend(bytes.size())) bytes.clear();
    return bytes;
  }

  bool Spend(size_t bytes) {
    bytes_left_ -= std::min(bytes, bytes_left_);
    return bytes_left_ > 0;
  }

  git::ObjectSource& objects_;
  git::ObjectId first_;
  std::map<std::string, Path> paths_;            // all that another parent changed
  std::map<git::ObjectId, std::string> merged_;  // files that no repository has to have
  uint64_t steps_left_ = kMaxMergeSteps;
  size_t bytes_left_ = kMaxMergeReadBytes;
};

}  // namespace

Verdict<std::vector<MergerPath>> PathsByMerger(git::ObjectSource& objects,
                                               const MergeTrees& trees) {
  Merger merger(objects, trees.first);
  for (const MergedParent& parent : trees.others) LETHE_TRY(merger.Add(parent));
  return merger.Compare(trees.result);
}

}  // namespace lethe::trust
