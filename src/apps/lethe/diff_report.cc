#include "apps/lethe/diff_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/lethe/arguments.h"
#include "base/hex.h"
#include "base/strings.h"

namespace lethe::cli {
namespace {

using image::Aspect;
using image::Difference;
using image::DiffReport;

constexpr size_t kMaxShown = 5;      // differences whose bytes are shown
constexpr size_t kMaxPackages = 10;  // package changes in the headline
constexpr size_t kMaxWhere = 52;     // columns of a name
constexpr size_t kMaxValue = 80;     // columns of a value
constexpr size_t kRow = 16;          // bytes in a row of a dump

// The end of a name tells more than its beginning.
std::string Shortened(const std::string& text, size_t width) {
  return text.size() <= width ? text : "…" + text.substr(text.size() - width + 1);
}

std::string VersionOf(const image::Side& side) {
  if (!side.manifest) return side.unreadable.empty() ? "without a readable manifest" : "unreadable";
  return side.manifest->image_id + " " + side.manifest->image_version;
}

// What differs of it, in two or three words.
std::string WhatOf(const Difference& d) {
  if (d.aspect == Aspect::kPresence) return d.in_a ? "only in A" : "only in B";
  return std::string(AspectName(d.aspect));
}

std::string CauseOf(const Difference& d) {
  return d.causes.empty() ? "no known cause" : std::string(d.causes[0]->id);
}

void PrintPlace(const char* side, const std::optional<image::Place>& place) {
  if (!place) {
    fmt::print("  in {}          behind the end\n", side);
    return;
  }
  fmt::print("  in {}          {}: {}, byte {} of it, byte {} of the layer{}\n", side,
             image::LayerName(place->layer), place->name, place->in_piece, place->in_layer,
             place->package.empty() ? "" : " (" + place->package + ")");
}

void PrintCause(const Difference& d, const char* indent) {
  if (d.causes.empty()) {
    fmt::print("{}no known cause\n", indent);
    return;
  }
  fmt::print("{}likely cause: {} [{}]\n{}what to do:   {}\n", indent, d.causes[0]->because,
             d.causes[0]->id, indent, d.causes[0]->remedy);
}

void PrintDump(const char* side, std::string_view bytes, std::string_view other, uint64_t at) {
  for (size_t row = 0; row < bytes.size(); row += kRow) {
    std::string hex, text;
    for (size_t i = row; i < row + kRow; ++i) {
      if (i >= bytes.size()) {
        hex += "   ";
        continue;
      }
      const bool differs = i >= other.size() || bytes[i] != other[i];
      hex += (differs ? "*" : " ") + HexEncode(bytes.substr(i, 1));
      text += bytes[i] >= ' ' && bytes[i] < '\x7f' ? bytes[i] : '.';
    }
    fmt::print("    {} {:>8x} {}  {}\n", side, at + row, hex, text);
  }
}

void PrintDetails(const Difference& d) {
  fmt::print("\n{}: {}: {}{}\n", image::LayerName(d.layer), d.where, WhatOf(d),
             d.package.empty() ? "" : " (" + d.package + ")");
  if (!d.damage.empty()) fmt::print("    {}\n", d.damage);
  if (d.aspect == Aspect::kContent) {
    fmt::print("    first at byte {}", d.offset);
    if (d.iso_a && d.iso_b) fmt::print(" (in the ISOs {} and {})", *d.iso_a, *d.iso_b);
    if (d.size_a != d.size_b) fmt::print(", {} against {} bytes", d.size_a, d.size_b);
    fmt::print("\n");
    PrintDump("A", d.excerpt.a, d.excerpt.b, d.excerpt.at);
    PrintDump("B", d.excerpt.b, d.excerpt.a, d.excerpt.at);
  } else if (d.aspect != Aspect::kPresence) {
    fmt::print("    A  {}\n    B  {}\n", Printable(d.value_a).substr(0, kMaxValue),
               Printable(d.value_b).substr(0, kMaxValue));
  }
  PrintCause(d, "    ");
}

void PrintSide(const char* name, const image::Side& side) {
  if (!side.unreadable.empty()) fmt::print("  {} is no ISO of ours: {}\n", name, side.unreadable);
  for (const auto& what : side.damage) fmt::print("  {} is damaged: {}\n", name, what);
  if (side.contradicts.empty()) return;
  fmt::print("  {} does not fit its own manifest ({}): changed or damaged after its build\n", name,
             Join(side.contradicts, ", "));
}

void PrintInputs(const DiffReport& report) {
  if (!report.a.manifest || !report.b.manifest) return;
  const image::Manifest &a = *report.a.manifest, &b = *report.b.manifest;
  if (report.facts.same_inputs()) {
    fmt::print("  inputs        same commit and lock{}\n",
               a.dirty || b.dirty ? "; dirty: the work trees may differ" : "");
    return;
  }
  fmt::print("  inputs        DIFFERENT: ");
  if (!report.facts.same_commit)
    fmt::print("commit {} and {}", a.commit.substr(0, 12), b.commit.substr(0, 12));
  if (!report.facts.same_lock) fmt::print("{}another lock", report.facts.same_commit ? "" : ", ");
  fmt::print("\n");
}

void PrintPackages(const DiffReport& report) {
  size_t shown = 0;
  for (const auto& change : report.packages) {
    if (++shown > kMaxPackages) break;
    fmt::print("  package       {} {} -> {}\n", change.name,
               change.version_a.empty() ? "(none)" : change.version_a,
               change.version_b.empty() ? "(none)" : change.version_b);
  }
  if (report.packages.size() > kMaxPackages)
    fmt::print("  package       +{} more\n", report.packages.size() - kMaxPackages);
}

// "derived-from-commit 70, describes-the-rest 3", from the table's last row on.
std::string CausesFrom(const DiffReport& report, size_t row) {
  std::map<std::string, size_t> counts;
  for (; row < report.differences.size(); ++row) ++counts[CauseOf(report.differences[row])];
  std::vector<std::string> out;
  for (const auto& [cause, count] : counts) out.push_back(cause + " " + std::to_string(count));
  return Join(out, ", ");
}

// What only follows has no row of its own where there is something that it follows from.
size_t RowsOf(const DiffReport& report, size_t limit) {
  const size_t own = report.total - report.consequences;
  return std::min({limit, report.differences.size(), own == 0 ? limit : own});
}

void PrintTable(const DiffReport& report, size_t limit) {
  const size_t rows = RowsOf(report, limit);
  size_t width = 5;
  for (size_t i = 0; i < rows; ++i)
    width = std::max(width, std::min(kMaxWhere, report.differences[i].where.size()));
  fmt::print("\n  {:<14} {:<{}}  {:<12}  {:>8}  {}\n", "layer", "where", width, "what", "at",
             "likely cause");
  for (size_t i = 0; i < rows; ++i) {
    const Difference& d = report.differences[i];
    fmt::print("  {:<14} {:<{}}  {:<12}  {:>8}  {}\n", image::LayerName(d.layer),
               Shortened(d.where, kMaxWhere), width, WhatOf(d),
               d.aspect == Aspect::kContent ? std::to_string(d.offset) : "", CauseOf(d));
  }
  if (report.total == rows) return;
  fmt::print("  +{} more, {} of them only follow: {}\n", report.total - rows,
             rows < report.total - report.consequences ? report.consequences : report.total - rows,
             CausesFrom(report, rows));
}

json::Value PlaceJson(const std::optional<image::Place>& place) {
  if (!place) return nullptr;
  return json::Object{{"layer", image::LayerId(place->layer)},
                      {"name", place->name},
                      {"offset_in_layer", place->in_layer},
                      {"offset", place->in_piece},
                      {"package", place->package}};
}

json::Value SideJson(const image::Side& side) {
  json::Array damage, contradicts;
  for (const auto& what : side.damage) damage.push_back(what);
  for (const auto& what : side.contradicts) contradicts.push_back(what);
  json::Object out{{"size", side.size},
                   {"unreadable", side.unreadable},
                   {"damage", std::move(damage)},
                   {"contradicts_manifest", std::move(contradicts)}};
  if (!side.manifest) return out;
  out["image_id"] = side.manifest->image_id;
  out["image_version"] = side.manifest->image_version;
  out["commit"] = side.manifest->commit;
  out["dirty"] = side.manifest->dirty;
  out["lock"] = side.manifest->lock.Hex();
  return out;
}

json::Value DifferenceJson(const Difference& d) {
  json::Array causes;
  for (const image::Cause* cause : d.causes) {
    causes.push_back(json::Object{{"id", cause->id},
                                  {"because", cause->because},
                                  {"remedy", cause->remedy},
                                  {"consequence", cause->consequence}});
  }
  json::Object out{{"layer", image::LayerId(d.layer)},
                   {"where", d.where},
                   {"aspect", AspectName(d.aspect)},
                   {"in_a", d.in_a},
                   {"in_b", d.in_b},
                   {"package", d.package},
                   {"damage", d.damage},
                   {"causes", std::move(causes)}};
  if (d.iso_a) out["iso_offset_a"] = *d.iso_a;
  if (d.iso_b) out["iso_offset_b"] = *d.iso_b;
  if (d.aspect == Aspect::kContent) {
    out["offset"] = d.offset;
    out["size_a"] = d.size_a;
    out["size_b"] = d.size_b;
    out["excerpt"] = json::Object{
        {"offset", d.excerpt.at}, {"a", HexEncode(d.excerpt.a)}, {"b", HexEncode(d.excerpt.b)}};
  } else {
    out["value_a"] = Printable(d.value_a);
    out["value_b"] = Printable(d.value_b);
  }
  return out;
}

}  // namespace

void PrintDiffReport(const DiffReport& report, size_t limit) {
  if (report.identical) {
    fmt::print("identical: {} ({} bytes)\n", VersionOf(report.a), report.a.size);
    return;
  }
  fmt::print("different: A {}, B {}\n", VersionOf(report.a), VersionOf(report.b));
  PrintInputs(report);
  PrintPackages(report);
  if (!report.differences.empty()) {
    const Difference& d = report.differences[0];
    fmt::print("  first cause   {}: {}: {}\n", image::LayerName(d.layer), d.where, WhatOf(d));
    PrintCause(d, "                ");
  }
  if (report.a.size != report.b.size)
    fmt::print("  sizes         {} and {} bytes\n", report.a.size, report.b.size);
  fmt::print("  first byte    {} (0x{:x}) of the ISO\n", report.first.at, report.first.at);
  PrintPlace("A", report.first.a);
  PrintPlace("B", report.first.b);
  PrintSide("A", report.a);
  PrintSide("B", report.b);
  if (report.differences.empty()) return;
  PrintTable(report, limit);
  for (size_t i = 0; i < std::min(kMaxShown, RowsOf(report, limit)); ++i)
    PrintDetails(report.differences[i]);
}

json::Value DiffReportJson(const DiffReport& report) {
  json::Object out{
      {"identical", report.identical}, {"a", SideJson(report.a)}, {"b", SideJson(report.b)}};
  if (report.identical) return out;
  out["first"] = json::Object{{"iso_offset", report.first.at},
                              {"a", PlaceJson(report.first.a)},
                              {"b", PlaceJson(report.first.b)}};
  json::Array packages, differences;
  for (const auto& change : report.packages) {
    packages.push_back(json::Object{
        {"name", change.name}, {"version_a", change.version_a}, {"version_b", change.version_b}});
  }
  for (const Difference& d : report.differences) differences.push_back(DifferenceJson(d));
  out["same_commit"] = report.facts.same_commit;
  out["same_lock"] = report.facts.same_lock;
  out["packages"] = std::move(packages);
  out["differences"] = std::move(differences);
  out["total"] = report.total;
  out["consequences"] = report.consequences;
  return out;
}

}  // namespace lethe::cli
