#include "image/diff_root.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "base/hex.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "image/diff_bytes.h"

namespace lethe::image {
namespace {

constexpr uint64_t kMaxCompared = 512U << 20;  // of one file
constexpr uint64_t kExcerptBefore = 8;
constexpr uint64_t kExcerptBytes = 32;

std::string_view TypeName(unsigned mode) {
  return S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "symlink" : S_ISREG(mode) ? "file" : "other";
}

std::string Octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

std::string AttributesText(const FileSide& side) {
  std::string out;
  for (const auto& [name, value] : side.xattrs) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(value.data());
    out += Printable(name) + "=" + HexEncode({bytes, value.size()}) + "\n";
  }
  return out;
}

class FileComparison {
 public:
  FileComparison(const std::string& path, const FileSide* a, const FileSide* b,
                 const PairFacts& facts)
      : path_(path), a_(a), b_(b), facts_(facts) {}

  std::vector<Difference> Run() {
    static const FileSide kNone;
    const FileSide& a = a_ == nullptr ? kNone : *a_;
    const FileSide& b = b_ == nullptr ? kNone : *b_;
    if (a_ == nullptr || b_ == nullptr) {
      Add(Aspect::kPresence, a_ == nullptr ? "" : std::string(TypeName(a.mode)),
          b_ == nullptr ? "" : std::string(TypeName(b.mode)), a.content, b.content);
      return std::move(out_);
    }
    if ((a.mode & S_IFMT) != (b.mode & S_IFMT)) {
      AddText(Aspect::kType, std::string(TypeName(a.mode)), std::string(TypeName(b.mode)));
      return std::move(out_);
    }
    if (S_ISLNK(a.mode)) {
      if (a.content != b.content)
        AddText(Aspect::kTarget, std::string(a.content), std::string(b.content));
    } else if (a.content != b.content) {
      AddContent();
    }
    if (a.mode != b.mode) AddText(Aspect::kMode, Octal(a.mode), Octal(b.mode));
    if (a.uid != b.uid || a.gid != b.gid) {
      AddText(Aspect::kOwner, std::to_string(a.uid) + ":" + std::to_string(a.gid),
              std::to_string(b.uid) + ":" + std::to_string(b.gid));
    }
    if (a.xattrs != b.xattrs) AddText(Aspect::kXattrs, AttributesText(a), AttributesText(b));
    if (a.first_link != b.first_link) {
      AddText(Aspect::kHardLinks, "the same file as " + Printable(a.first_link),
              "the same file as " + Printable(b.first_link));
    }
    // All files of an image may simply have its time: the superblock tells that one.
    const bool both_epochs =
        a.mtime_unix_s == facts_.epoch_a_unix_s && b.mtime_unix_s == facts_.epoch_b_unix_s;
    if (a.mtime_unix_s != b.mtime_unix_s && !both_epochs)
      AddText(Aspect::kTime, std::to_string(a.mtime_unix_s), std::to_string(b.mtime_unix_s));
    return std::move(out_);
  }

 private:
  Difference& Add(Aspect aspect, std::string value_a, std::string value_b,
                  std::string_view evidence_a, std::string_view evidence_b) {
    Difference& out = out_.emplace_back();
    const FileSide& known = a_ != nullptr ? *a_ : *b_;
    out.layer = Layer::kRootFile;
    out.where = path_;
    out.aspect = aspect;
    out.in_a = a_ != nullptr;
    out.in_b = b_ != nullptr;
    out.package = known.package + (known.version.empty() ? "" : " " + known.version);
    out.value_a = std::move(value_a);
    out.value_b = std::move(value_b);
    const bool same_version =
        a_ == nullptr || b_ == nullptr || a_->package != b_->package || a_->version == b_->version;
    out.causes = LikelyCauses(
        {.layer = out.layer,
         .where = path_,
         .aspect = aspect,
         .a = evidence_a,
         .b = evidence_b,
         .in_a = out.in_a,
         .in_b = out.in_b,
         .at = aspect == Aspect::kContent ? FirstDifference(evidence_a, evidence_b) : 0,
         .folder = S_ISDIR(known.mode),
         .package = known.package,
         .same_package_version = same_version},
        facts_);
    return out;
  }

  void AddText(Aspect aspect, const std::string& a, const std::string& b) {
    Add(aspect, a, b, a, b);
  }

  void AddContent() {
    Difference& out = Add(Aspect::kContent, "", "", a_->content, b_->content);
    DescribeContents(a_->content, b_->content, out);
  }

  const std::string& path_;
  const FileSide* a_;
  const FileSide* b_;
  const PairFacts& facts_;
  std::vector<Difference> out_;
};

// The stored bytes of a node, without reading them.
bool SameStored(const ImageMap& a, const RootNode& x, const ImageMap& b, const RootNode& y) {
  const auto &extents_a = x.place.extents, &extents_b = y.place.extents;
  if (x.node.size != y.node.size || extents_a.size() != extents_b.size()) return false;
  if (x.node.size > 0 && extents_a.empty()) return false;  // its place could not be read
  for (size_t i = 0; i < extents_a.size(); ++i) {
    const ErofsExtent &e = extents_a[i], &f = extents_b[i];
    if (e.logical != f.logical || e.length != f.length || e.stored != f.stored ||
        e.coding != f.coding ||
        a.root_image().substr(e.at, e.stored) != b.root_image().substr(f.at, f.stored)) {
      return false;
    }
  }
  return true;
}

class RootsComparison {
 public:
  RootsComparison(const ImageMap& a, const ImageMap& b, const PairFacts& facts)
      : a_(a), b_(b), facts_(facts), versions_a_(Versions(a)), versions_b_(Versions(b)) {
    std::set<std::string_view> paths;
    for (const auto& [path, node] : a.root()) paths.insert(path);
    for (const auto& [path, node] : b.root()) paths.insert(path);
    for (const std::string_view path : paths) paths_.emplace_back(path);
    files_.resize(paths_.size());
    storage_.resize(paths_.size());
    shared_a_ = FirstOfShared(a);
    shared_b_ = FirstOfShared(b);
  }

  RootComparison Run(unsigned jobs) {
    const Status done = ParallelFor(paths_.size(), jobs, [&](size_t i) -> Status {
      ComparePath(i);
      return {};
    });
    LETHE_ASSERT(done.has_value());
    RootComparison out;
    for (auto& found : files_)
      std::move(found.begin(), found.end(), back_inserter(out.differences));
    if (!out.differences.empty()) return out;
    for (auto& found : storage_) std::move(found.begin(), found.end(), back_inserter(out.storage));
    CompareNumbers(out.storage);
    return out;
  }

 private:
  using Versions_ = std::map<std::string_view, std::string_view>;
  using Shared = std::map<uint64_t, std::string_view>;  // place of the data, first path of it

  static Versions_ Versions(const ImageMap& map) {
    Versions_ out;
    if (!map.manifest()) return out;
    for (const ManifestPackage& package : map.manifest()->packages)
      out[package.name] = package.version;
    return out;
  }

  static Shared FirstOfShared(const ImageMap& map) {
    Shared out;
    for (const auto& [path, node] : map.root()) {
      if (!node.place.extents.empty()) out.emplace(node.place.extents[0].at, path);
    }
    return out;
  }

  static const RootNode* Find(const ImageMap& map, const std::string& path) {
    const auto it = map.root().find(path);
    return it == map.root().end() ? nullptr : &it->second;
  }

  FileSide SideOf(const ImageMap& map, const RootNode& node, const Versions_& versions) const {
    const auto version = versions.find(node.package);
    FileSide side{.mode = node.node.mode,
                  .uid = node.node.uid,
                  .gid = node.node.gid,
                  .mtime_unix_s = node.place.inode.mtime_unix_s,
                  .first_link = node.first_link,
                  .xattrs = {},
                  .content = {},
                  .package = node.package,
                  .version = version == versions.end() ? "" : std::string(version->second)};
    if (!node.node.has_xattrs) return side;
    const auto xattrs = map.root_reader().Xattrs(node.node.nid);
    if (!xattrs) return side;
    for (const ErofsXattr& x : *xattrs) side.xattrs.emplace_back(x.name, x.value);
    return side;
  }

  void ComparePath(size_t i) {
    const std::string& path = paths_[i];
    const RootNode *x = Find(a_, path), *y = Find(b_, path);
    FileSide side_a, side_b;
    if (x != nullptr) side_a = SideOf(a_, *x, versions_a_);
    if (y != nullptr) side_b = SideOf(b_, *y, versions_b_);
    std::string content_a, content_b, damage;
    const bool one_only = x == nullptr || y == nullptr;
    const bool same_stored = !one_only && SameStored(a_, *x, b_, *y);
    if (!same_stored) {
      Read(a_, x, "A", content_a, damage);
      Read(b_, y, "B", content_b, damage);
    }
    side_a.content = content_a;
    side_b.content = content_b;
    if (!damage.empty()) side_a.content = side_b.content = {};
    const std::string shown = Printable(path);
    files_[i] = CompareFile(shown, x == nullptr ? nullptr : &side_a,
                            y == nullptr ? nullptr : &side_b, facts_);
    if (!damage.empty()) AddDamaged(i, x, y, damage);
    for (Difference& found : files_[i]) {
      if (found.aspect != Aspect::kContent || !found.damage.empty()) continue;
      found.iso_a = PlaceOf(a_, x, found.offset);
      found.iso_b = PlaceOf(b_, y, found.offset);
    }
    if (!one_only && files_[i].empty()) CompareStorage(i, *x, *y, same_stored, content_a);
  }

  static void Read(const ImageMap& map, const RootNode* node, const char* side, std::string& out,
                   std::string& damage) {
    if (node == nullptr || !(S_ISREG(node->node.mode) || S_ISLNK(node->node.mode))) return;
    auto bytes = map.root_reader().Read(node->node.nid, kMaxCompared);
    if (bytes) {
      out = std::move(*bytes);
    } else {
      damage += (damage.empty() ? "" : "; ") + std::string(side) + ": " + bytes.error().message;
    }
  }

  static std::optional<uint64_t> PlaceOf(const ImageMap& map, const RootNode* node,
                                         uint64_t offset) {
    if (node == nullptr) return std::nullopt;
    const auto root_at = static_cast<uint64_t>(map.root_image().data() - map.iso().data());
    for (const ErofsExtent& extent : node->place.extents) {
      if (offset < extent.logical || offset - extent.logical >= extent.length) continue;
      const bool plain = extent.coding == ErofsCoding::kPlain;
      return root_at + extent.at + (plain ? offset - extent.logical : 0);
    }
    return std::nullopt;
  }

  // What cannot be decompressed is compared as it is stored.
  void AddDamaged(size_t i, const RootNode* x, const RootNode* y, const std::string& damage) {
    Difference out{.where = Printable(paths_[i]), .in_a = x != nullptr, .in_b = y != nullptr};
    out.damage = damage;
    if (x != nullptr && y != nullptr && !x->place.extents.empty() && !y->place.extents.empty()) {
      for (size_t e = 0; e < std::min(x->place.extents.size(), y->place.extents.size()); ++e) {
        const ErofsExtent &f = x->place.extents[e], &g = y->place.extents[e];
        const auto stored_a = a_.root_image().substr(f.at, f.stored);
        const auto stored_b = b_.root_image().substr(g.at, g.stored);
        if (stored_a == stored_b) continue;
        DescribeContents(stored_a, stored_b, out);
        const uint64_t at = out.offset;
        out.offset = f.logical;
        out.iso_a = *PlaceOf(a_, x, f.logical) + at;
        out.iso_b = *PlaceOf(b_, y, g.logical) + at;
        break;
      }
    }
    out.causes = LikelyCauses(
        {.where = out.where, .a = out.excerpt.a, .b = out.excerpt.b, .at = kExcerptBefore}, facts_);
    files_[i].push_back(std::move(out));
  }

  // The content of equal files whose stored bytes differ is in `content`.
  void CompareStorage(size_t i, const RootNode& x, const RootNode& y, bool same_stored,
                      std::string_view content) {
    const auto add = [&](Aspect aspect, std::string a, std::string b, std::string_view evidence) {
      Difference& out = storage_[i].emplace_back();
      out.layer = Layer::kRootFile;
      out.where = Printable(paths_[i]);
      out.aspect = aspect;
      out.value_a = std::move(a);
      out.value_b = std::move(b);
      out.causes = LikelyCauses(
          {.where = out.where, .aspect = aspect, .a = evidence, .b = evidence}, facts_);
    };
    if (!same_stored) {
      const auto shown = [](const RootNode& node) {
        uint64_t bytes = 0;
        for (const ErofsExtent& extent : node.place.extents) bytes += extent.stored;
        return std::to_string(bytes) + " bytes in " + std::to_string(node.place.extents.size()) +
               " pieces";
      };
      add(Aspect::kStorage, shown(x), shown(y), content);
    }
    if (x.place.extents.empty() || y.place.extents.empty()) return;
    const std::string_view shared_a = shared_a_.at(x.place.extents[0].at);
    const std::string_view shared_b = shared_b_.at(y.place.extents[0].at);
    if (shared_a != shared_b) {
      add(Aspect::kSharing, "the data of " + Printable(shared_a),
          "the data of " + Printable(shared_b), {});
    }
  }

  void CompareNumbers(std::vector<Difference>& out) const {
    for (const std::string& path : paths_) {
      const RootNode &x = *Find(a_, path), &y = *Find(b_, path);
      if (x.place.inode.number == y.place.inode.number) continue;
      Difference found{.layer = Layer::kRootFile,
                       .where = Printable(path),
                       .aspect = Aspect::kInodeNumber,
                       .value_a = std::to_string(x.place.inode.number),
                       .value_b = std::to_string(y.place.inode.number)};
      found.causes = LikelyCauses({.where = found.where, .aspect = found.aspect}, facts_);
      out.push_back(std::move(found));
      return;  // one tells it: the others follow
    }
  }

  const ImageMap& a_;
  const ImageMap& b_;
  const PairFacts& facts_;
  Versions_ versions_a_, versions_b_;
  std::vector<std::string> paths_;
  std::vector<std::vector<Difference>> files_, storage_;
  Shared shared_a_, shared_b_;
};

}  // namespace

void DescribeContents(std::string_view a, std::string_view b, Difference& out) {
  out.offset = FirstDifference(a, b);
  out.size_a = a.size();
  out.size_b = b.size();
  out.excerpt.at = out.offset - std::min(out.offset, kExcerptBefore);
  const auto cut = [&](std::string_view side) {
    return std::string(side.substr(std::min<uint64_t>(out.excerpt.at, side.size()), kExcerptBytes));
  };
  out.excerpt.a = cut(a);
  out.excerpt.b = cut(b);
}

std::vector<Difference> CompareFile(const std::string& path, const FileSide* a, const FileSide* b,
                                    const PairFacts& facts) {
  return FileComparison(path, a, b, facts).Run();
}

RootComparison CompareRoots(const ImageMap& a, const ImageMap& b, const PairFacts& facts,
                            unsigned jobs) {
  return RootsComparison(a, b, facts).Run(jobs);
}

}  // namespace lethe::image
