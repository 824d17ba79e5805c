#include "image/diff_pieces.h"

#include <algorithm>
#include <map>
#include <set>

#include "image/diff_bytes.h"
#include "image/diff_root.h"

namespace lethe::image {
namespace {

struct Key {
  Layer layer;
  std::string_view name;
  auto operator<=>(const Key&) const = default;
};

using Table = std::map<Key, std::vector<Segment>>;

bool IsZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// "header of /init: time" belongs to "header of /init".
std::string_view GroupOf(std::string_view name) {
  const size_t colon = name.rfind(": ");
  return colon == std::string_view::npos ? name : name.substr(0, colon);
}

bool IsFiller(std::string_view name) {
  return name.starts_with("padding") || name.starts_with("unused") ||
         name == "metadata and padding" || name.starts_with("rest of ");
}

class PieceComparison {
 public:
  PieceComparison(const ImageMap& a, const ImageMap& b, const PairFacts& facts, RootPieces root)
      : a_(a), b_(b), facts_(facts), root_(root) {}

  std::vector<Difference> Run() {
    const Table table_a = TableOf(a_), table_b = TableOf(b_);
    std::set<Key> groups_a, groups_b;
    for (const auto& [key, segments] : table_a) groups_a.insert({key.layer, GroupOf(key.name)});
    for (const auto& [key, segments] : table_b) groups_b.insert({key.layer, GroupOf(key.name)});
    for (const auto& [key, segments] : table_a) {
      const auto other = table_b.find(key);
      if (other != table_b.end()) {
        CompareSegments(key, segments, other->second);
      } else {
        AddPresence(key, segments, true, !groups_b.contains({key.layer, GroupOf(key.name)}));
      }
    }
    for (const auto& [key, segments] : table_b) {
      if (!table_a.contains(key))
        AddPresence(key, segments, false, !groups_a.contains({key.layer, GroupOf(key.name)}));
    }
    CompareSequences();
    return std::move(out_);
  }

 private:
  bool Counts(const Piece& piece) const {
    if (piece.layer == Layer::kRootFile) return false;
    if (piece.layer != Layer::kRootImage || root_ == RootPieces::kStructure) return true;
    return piece.name.starts_with("superblock: ") || piece.name.starts_with("behind ");
  }

  Table TableOf(const ImageMap& map) const {
    Table out;
    for (const Segment& segment : map.segments()) {
      const Piece& piece = map.PieceOf(segment);
      if (Counts(piece)) out[{piece.layer, piece.name}].push_back(segment);
    }
    return out;
  }

  static std::string_view Bytes(const ImageMap& map, const Segment& segment) {
    return map.iso().substr(segment.begin, segment.end - segment.begin);
  }

  Difference& Add(Layer layer, std::string_view where, Aspect aspect) {
    Difference& out = out_.emplace_back();
    out.layer = layer;
    out.where = where;
    out.aspect = aspect;
    return out;
  }

  // The first pair of stretches that differs tells the whole piece.
  void CompareSegments(const Key& key, const std::vector<Segment>& in_a,
                       const std::vector<Segment>& in_b) {
    for (size_t i = 0; i < std::min(in_a.size(), in_b.size()); ++i) {
      const std::string_view x = Bytes(a_, in_a[i]), y = Bytes(b_, in_b[i]);
      if (x == y || (IsFiller(key.name) && IsZero(x) && IsZero(y))) continue;
      // Behind the start of a piece, what lies inside of it may have moved.
      Difference& out = Add(key.layer, key.name, Aspect::kContent);
      DescribeContents(x, y, out);
      const uint64_t at = out.offset;
      out.iso_a = in_a[i].begin + std::min<uint64_t>(at, x.size() - 1);
      out.iso_b = in_b[i].begin + std::min<uint64_t>(at, y.size() - 1);
      const uint64_t before = in_a[i].begin - std::min(in_a[i].begin, a_.PieceOf(in_a[i]).at);
      out.offset += before;
      out.excerpt.at += before;
      out.causes =
          LikelyCauses({.layer = key.layer, .where = key.name, .a = x, .b = y, .at = at}, facts_);
      return;
    }
  }

  // Only the first piece of a group that one side lacks is told.
  void AddPresence(const Key& key, const std::vector<Segment>& segments, bool in_a, bool group) {
    const std::string_view where = group ? GroupOf(key.name) : key.name;
    if (IsFiller(key.name) || !told_.insert({key.layer, where}).second) return;
    Difference& out = Add(key.layer, where, Aspect::kPresence);
    out.in_a = in_a;
    out.in_b = !in_a;
    (in_a ? out.iso_a : out.iso_b) = segments[0].begin;
    (in_a ? out.size_a : out.size_b) = segments[0].end - segments[0].begin;
    (in_a ? out.value_a : out.value_b) = "there";
    const std::string_view bytes = Bytes(in_a ? a_ : b_, segments[0]);
    out.causes = LikelyCauses({.layer = key.layer,
                               .where = where,
                               .aspect = Aspect::kPresence,
                               .a = in_a ? bytes : std::string_view(),
                               .b = in_a ? std::string_view() : bytes,
                               .in_a = in_a,
                               .in_b = !in_a},
                              facts_);
  }

  void CompareSequences() {
    std::map<Key, const Sequence*> others;
    for (const Sequence& sequence : b_.sequences())
      others[{sequence.layer, sequence.name}] = &sequence;
    for (const Sequence& x : a_.sequences()) {
      const auto other = others.find({x.layer, x.name});
      if (other == others.end()) continue;
      const Sequence& y = *other->second;
      if (x.items == y.items || (x.layer == Layer::kRootImage && root_ != RootPieces::kStructure))
        continue;
      std::vector<std::string> sorted_a = x.items, sorted_b = y.items;
      std::sort(sorted_a.begin(), sorted_a.end());
      std::sort(sorted_b.begin(), sorted_b.end());
      if (sorted_a != sorted_b) continue;  // the things themselves differ, and are told
      const auto [at_a, at_b] = std::mismatch(x.items.begin(), x.items.end(), y.items.begin());
      Difference& out = Add(x.layer, x.name, Aspect::kOrder);
      out.value_a = *at_a;
      out.value_b = *at_b;
      out.causes =
          LikelyCauses({.layer = x.layer, .where = x.name, .aspect = Aspect::kOrder}, facts_);
    }
  }

  const ImageMap& a_;
  const ImageMap& b_;
  const PairFacts& facts_;
  RootPieces root_;
  std::set<Key> told_;
  std::vector<Difference> out_;
};

// The root image by the names of the side that can be read; both have it at the same place.
void CompareStored(const ImageMap& a, const ImageMap& b, const PairFacts& facts,
                   std::vector<Difference>& out) {
  const ImageMap& known = a.root().empty() ? b : a;
  std::set<std::pair<Layer, std::string_view>> told;
  for (const Segment& segment : known.segments()) {
    const Piece& piece = known.PieceOf(segment);
    if (piece.layer != Layer::kRootFile && piece.layer != Layer::kRootImage) continue;
    if (piece.name.starts_with("superblock: ") || segment.end > a.iso().size() ||
        segment.end > b.iso().size()) {
      continue;
    }
    const uint64_t size = segment.end - segment.begin;
    const auto x = a.iso().substr(segment.begin, size), y = b.iso().substr(segment.begin, size);
    if (x == y || !told.insert({piece.layer, piece.name}).second) continue;
    Difference& found = out.emplace_back();
    found.layer = piece.layer;
    found.where = piece.name;
    DescribeContents(x, y, found);
    found.iso_a = found.iso_b = segment.begin + found.offset;
    found.damage = "compared as it is stored";
    found.causes = LikelyCauses(
        {.layer = piece.layer, .where = piece.name, .a = x, .b = y, .at = found.offset}, facts);
  }
}

}  // namespace

std::vector<Difference> ComparePieces(const ImageMap& a, const ImageMap& b, const PairFacts& facts,
                                      RootPieces root) {
  std::vector<Difference> out = PieceComparison(a, b, facts, root).Run();
  const auto place = [](const ImageMap& map) {
    return std::pair(map.root_image().data() - map.iso().data(), map.root_image().size());
  };
  if (root == RootPieces::kAll && place(a) == place(b)) CompareStored(a, b, facts, out);
  return out;
}

}  // namespace lethe::image
