#include "trust/tree_change.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::trust {
namespace {

struct Pair {
  std::string path;  // "" or "a/b/"
  size_t depth = 0;
  std::optional<git::ObjectId> before;
  std::optional<git::ObjectId> after;
};

class Walk {
 public:
  explicit Walk(git::ObjectSource& objects) : objects_(objects) {}

  Verdict<std::vector<TreeChange>> Run(Pair root) {
    pending_.push_back(std::move(root));
    while (!pending_.empty()) {
      const Pair pair = std::move(pending_.back());
      pending_.pop_back();
      LETHE_TRY(Compare(pair));
    }
    std::sort(changes_.begin(), changes_.end(),
              [](const TreeChange& a, const TreeChange& b) { return a.path < b.path; });
    return Joined();
  }

 private:
  // A file and the empty folder in its place are one change of one path.
  std::vector<TreeChange> Joined() {
    std::vector<TreeChange> out;
    for (TreeChange& change : changes_) {
      if (out.empty() || out.back().path != change.path) {
        out.push_back(std::move(change));
        continue;
      }
      if (change.before) out.back().before = std::move(change.before);
      if (change.after) out.back().after = std::move(change.after);
    }
    return out;
  }

  static Refusal Beyond(std::string_view what, size_t limit) {
    return {Reason::kMalformed,
            "two trees differ in more than " + std::to_string(limit) + " " + std::string(what)};
  }

  Verdict<std::vector<git::TreeEntry>> Read(const std::optional<git::ObjectId>& id,
                                            const std::string& path) {
    if (!id) return std::vector<git::TreeEntry>();
    const auto where = [&] { return "tree " + id->Hex() + " of '" + Printable(path) + "'"; };
    const std::string body = LETHE_TRY_IN(
        Judge(objects_.Read(*id, git::ObjectType::kTree), Reason::kWrongObject), where());
    bytes_read_ += body.size();
    if (bytes_read_ > kMaxTreeBytesRead) return Beyond("bytes of trees", kMaxTreeBytesRead);
    if (++trees_read_ > kMaxTreesRead) return Beyond("trees", kMaxTreesRead);
    auto entries =
        LETHE_TRY_IN(Judge(git::ParseTree(body, objects_.format()), Reason::kWrongObject), where());
    // By name alone, so that a file stands beside the folder that takes its place.
    std::sort(entries.begin(), entries.end());
    return entries;
  }

  Result<void, Refusal> Compare(const Pair& pair) {
    const auto before = LETHE_TRY(Read(pair.before, pair.path));
    const auto after = LETHE_TRY(Read(pair.after, pair.path));
    const std::string folder = pair.path.substr(0, pair.path.size() - (pair.depth > 0 ? 1 : 0));
    const auto empty_folder = [&](const auto& id, const auto& entries) {
      return id && entries.empty() ? std::optional(TreeNode{git::EntryKind::kTree, *id})
                                   : std::nullopt;
    };
    if (pair.depth > 0)
      LETHE_TRY(Add(folder, empty_folder(pair.before, before), empty_folder(pair.after, after)));
    auto b = before.begin();
    auto a = after.begin();
    while (b != before.end() || a != after.end()) {
      const bool take_b = b != before.end() && (a == after.end() || b->name <= a->name);
      const bool take_a = a != after.end() && (b == before.end() || a->name <= b->name);
      LETHE_TRY(CompareEntry(pair, take_b ? &*b : nullptr, take_a ? &*a : nullptr));
      b += take_b ? 1 : 0;
      a += take_a ? 1 : 0;
    }
    return {};
  }

  // At least one of them is there; both have the same name.
  Result<void, Refusal> CompareEntry(const Pair& pair, const git::TreeEntry* before,
                                     const git::TreeEntry* after) {
    if (before && after && *before == *after) return {};
    const std::string path = pair.path + (before ? before : after)->name;
    if (path.size() > kMaxPathBytes)
      return Refusal{Reason::kMalformed, "path '" + Printable(path.substr(0, 64)) +
                                             "...' has more than " + std::to_string(kMaxPathBytes) +
                                             " bytes"};
    const auto node = [](const git::TreeEntry* entry) {
      return entry && entry->kind != git::EntryKind::kTree
                 ? std::optional(TreeNode{entry->kind, entry->id})
                 : std::nullopt;
    };
    const auto folder = [](const git::TreeEntry* entry) {
      return entry && entry->kind == git::EntryKind::kTree ? std::optional(entry->id)
                                                           : std::nullopt;
    };
    LETHE_TRY(Add(path, node(before), node(after)));
    Pair below{path + "/", pair.depth + 1, folder(before), folder(after)};
    if (!below.before && !below.after) return {};
    if (below.depth > kMaxTreeDepth)
      return Refusal{Reason::kMalformed, "path '" + Printable(path) + "': folders deeper than " +
                                             std::to_string(kMaxTreeDepth)};
    LETHE_TRY(Hold(below.path));
    pending_.push_back(std::move(below));
    return {};
  }

  Result<void, Refusal> Add(const std::string& path, std::optional<TreeNode> before,
                            std::optional<TreeNode> after) {
    if (before == after) return {};
    if (changes_.size() == kMaxTreeChanges) return Beyond("paths", kMaxTreeChanges);
    LETHE_TRY(Hold(path));
    changes_.push_back({path, std::move(before), std::move(after)});
    return {};
  }

  Result<void, Refusal> Hold(const std::string& path) {
    path_bytes_ += path.size();
    if (path_bytes_ > kMaxTreePathBytes) return Beyond("bytes of paths", kMaxTreePathBytes);
    return {};
  }

  git::ObjectSource& objects_;
  size_t trees_read_ = 0;
  size_t bytes_read_ = 0;
  size_t path_bytes_ = 0;
  std::vector<Pair> pending_;
  std::vector<TreeChange> changes_;
};

}  // namespace

Verdict<std::vector<TreeChange>> ChangedPaths(git::ObjectSource& objects,
                                              const std::optional<git::ObjectId>& before,
                                              const std::optional<git::ObjectId>& after) {
  if (before == after) return std::vector<TreeChange>();
  return Walk(objects).Run({"", 0, before, after});
}

}  // namespace lethe::trust
