#include "image/diff.h"

#include <algorithm>
#include <bit>
#include <map>
#include <tuple>

#include "base/parallel.h"
#include "image/diff_bytes.h"
#include "image/diff_map.h"
#include "image/diff_pieces.h"
#include "image/diff_root.h"

namespace lethe::image {
namespace {

constexpr uint64_t kSuperOffset = 1024;

std::string PackageOf(const ImageMap& map, std::string_view path) {
  const auto node = map.root().find(std::string(path));
  if (node == map.root().end() || !map.manifest()) return {};
  for (const ManifestPackage& package : map.manifest()->packages) {
    if (package.name == node->second.package) return package.name + " " + package.version;
  }
  return node->second.package;
}

Place PlaceAt(const ImageMap& map, uint64_t at) {
  const Segment& segment = map.SegmentAt(at);
  const Piece& piece = map.PieceOf(segment);
  return {piece.layer, piece.name, at - std::min(at, piece.layer_at), at - piece.at + piece.file_at,
          piece.layer == Layer::kRootFile ? PackageOf(map, piece.name) : ""};
}

FirstByte FindFirstByte(std::string_view a, std::string_view b, const ImageMap* map_a,
                        const ImageMap* map_b) {
  FirstByte out{.at = FirstDifference(a, b), .a = {}, .b = {}};
  // Where one ISO cannot be read, the other one's names hold for both.
  if (map_a == nullptr) map_a = map_b;
  if (map_b == nullptr) map_b = map_a;
  if (out.at < a.size() && out.at < map_a->iso().size()) out.a = PlaceAt(*map_a, out.at);
  if (out.at < b.size() && out.at < map_b->iso().size()) out.b = PlaceAt(*map_b, out.at);
  return out;
}

bool OneBit(std::string_view a, std::string_view b, uint64_t at) {
  if (a.size() != b.size() || at >= a.size() || a.substr(at + 1) != b.substr(at + 1)) return false;
  return std::popcount(static_cast<unsigned>(static_cast<uint8_t>(a[at] ^ b[at]))) == 1;
}

bool SameLayout(const ImageMap& a, const ImageMap& b) {
  const auto &files_a = a.listing().files, &files_b = b.listing().files;
  return a.iso().size() == b.iso().size() && a.root_image().size() == b.root_image().size() &&
         std::equal(files_a.begin(), files_a.end(), files_b.begin(), files_b.end(),
                    [](const IsoFile& x, const IsoFile& y) {
                      return std::tie(x.path, x.offset, x.size) ==
                             std::tie(y.path, y.offset, y.size);
                    });
}

// What of `map` does not fit its own manifest, among what differs from `other`.
std::vector<std::string> Contradictions(const ImageMap& map, const ImageMap& other) {
  std::vector<std::string> out;
  if (!map.manifest()) return out;
  const auto bytes_of = [](const ImageMap& of, const std::string& path) {
    const IsoFile* file = FindIsoFile(of.listing(), path);
    return file == nullptr ? std::string_view() : of.iso().substr(file->offset, file->size);
  };
  for (const ManifestBlob& blob : map.manifest()->iso) {
    const std::string_view own = bytes_of(map, blob.path);
    if (own == bytes_of(other, blob.path)) continue;
    if (own.size() != blob.size || crypto::Sha256Of(own) != blob.sha256) out.push_back(blob.path);
  }
  if (IsoStructureDigest(map.iso(), map.listing()) != map.manifest()->iso_structure)
    out.emplace_back("ISO structure");
  return out;
}

std::vector<PackageChange> PackageChanges(const Manifest& a, const Manifest& b) {
  std::map<std::string, PackageChange> changes;
  for (const ManifestPackage& p : a.packages) changes[p.name] = {p.name, p.version, ""};
  for (const ManifestPackage& p : b.packages) {
    changes[p.name].name = p.name;
    changes[p.name].version_b = p.version;
  }
  std::vector<PackageChange> out;
  for (const auto& [name, change] : changes) {
    if (change.version_a != change.version_b) out.push_back(change);
  }
  return out;
}

PairFacts FactsOf(const ImageMap& a, const ImageMap& b, uint64_t first) {
  PairFacts facts;
  if (a.manifest() && b.manifest()) {
    const Manifest &x = *a.manifest(), &y = *b.manifest();
    facts.same_commit = x.commit == y.commit;
    facts.same_lock = x.lock == y.lock;
    facts.same_kernel = x.kernel_version == y.kernel_version;
  }
  facts.same_layout = SameLayout(a, b);
  facts.one_bit = OneBit(a.iso(), b.iso(), first);
  facts.epoch_a_unix_s = LittleEndian(a.root_image(), kSuperOffset + 24, 8);
  facts.epoch_b_unix_s = LittleEndian(b.root_image(), kSuperOffset + 24, 8);
  return facts;
}

// What follows from other differences needs one to follow from, or another commit.
void DropLonelyConsequences(std::vector<Difference>& differences, const PairFacts& facts) {
  const bool other = std::any_of(differences.begin(), differences.end(),
                                 [](const Difference& d) { return !d.IsConsequence(); });
  if (other || !facts.same_inputs()) return;
  for (Difference& difference : differences)
    std::erase_if(difference.causes, [](const Cause* cause) { return cause->consequence; });
}

// Consequences last; then by layer, known causes first, by name.
void Rank(std::vector<Difference>& differences) {
  const auto key = [](const Difference& d) {
    return std::make_tuple(d.IsConsequence(), d.layer, d.causes.empty(), std::string_view(d.where),
                           d.aspect);
  };
  std::stable_sort(differences.begin(), differences.end(),
                   [&](const Difference& x, const Difference& y) { return key(x) < key(y); });
}

std::vector<Difference> Compare(const ImageMap& a, const ImageMap& b, PairFacts& facts,
                                unsigned jobs) {
  RootComparison roots;
  RootPieces pieces = RootPieces::kStructure;
  if (a.root_image() != b.root_image()) {
    if (a.root().empty() || b.root().empty()) {
      pieces = RootPieces::kAll;
    } else {
      roots = CompareRoots(a, b, facts, jobs);
      facts.same_root = roots.differences.empty();
      if (!facts.same_root) pieces = RootPieces::kSuperblock;
    }
  }
  std::vector<Difference> out = std::move(roots.differences);
  std::move(roots.storage.begin(), roots.storage.end(), back_inserter(out));
  auto found = ComparePieces(a, b, facts, pieces);
  std::move(found.begin(), found.end(), back_inserter(out));
  return out;
}

}  // namespace

Result<DiffReport> DiffImages(std::string_view a, std::string_view b, const DiffOptions& options) {
  DiffReport report;
  report.a.size = a.size();
  report.b.size = b.size();
  const auto map_a = ImageMap::Make(a);
  const auto map_b = ImageMap::Make(b);
  if (!map_a && !map_b) return map_a.error();
  const auto fill = [](const Result<ImageMap>& map, Side& side) {
    if (!map) {
      side.unreadable = map.error().message;
      return;
    }
    side.manifest = map->manifest();
    side.damage = map->damage();
  };
  fill(map_a, report.a);
  fill(map_b, report.b);
  report.identical = a == b;
  if (report.identical) return report;
  report.first = FindFirstByte(a, b, map_a ? &*map_a : nullptr, map_b ? &*map_b : nullptr);
  if (!map_a || !map_b) return report;

  report.facts = FactsOf(*map_a, *map_b, report.first.at);
  LETHE_TRY(ParallelFor(2, options.jobs, [&](size_t side) -> Status {
    (side == 0 ? report.a : report.b).contradicts =
        side == 0 ? Contradictions(*map_a, *map_b) : Contradictions(*map_b, *map_a);
    return {};
  }));
  report.facts.contradicts = !report.a.contradicts.empty() || !report.b.contradicts.empty();
  if (report.a.manifest && report.b.manifest)
    report.packages = PackageChanges(*report.a.manifest, *report.b.manifest);
  report.differences = Compare(*map_a, *map_b, report.facts, options.jobs);
  DropLonelyConsequences(report.differences, report.facts);
  Rank(report.differences);
  report.total = report.differences.size();
  report.consequences =
      static_cast<size_t>(std::count_if(report.differences.begin(), report.differences.end(),
                                        [](const Difference& d) { return d.IsConsequence(); }));
  if (report.total > kMaxDifferences) report.differences.resize(kMaxDifferences);
  return report;
}

}  // namespace lethe::image
