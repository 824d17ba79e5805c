// Compares two ISOs of ours down to the byte, and says what differs, where, and why it may.
// Pure: bytes in, report out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/diff_cause.h"
#include "image/diff_layer.h"
#include "image/manifest.h"

namespace lethe::image {

// Bytes around the first one that differs.
struct Excerpt {
  uint64_t at = 0;  // of the first byte, in what differs
  std::string a;
  std::string b;
};

struct Difference {
  Layer layer = Layer::kRootFile;
  std::string where;  // "/etc/shadow" of the layer, "GPT: disk GUID"
  Aspect aspect = Aspect::kContent;
  bool in_a = true;
  bool in_b = true;
  std::string package;  // with its version: "openvpn 2.6.14-1"; empty where the manifest names none
  uint64_t offset = 0;  // of contents: the first byte that differs, in `where`
  // Where that byte lies in the ISOs; of compressed content, where the piece that holds it starts.
  std::optional<uint64_t> iso_a;
  std::optional<uint64_t> iso_b;
  uint64_t size_a = 0;
  uint64_t size_b = 0;
  Excerpt excerpt;      // of contents
  std::string value_a;  // of everything else: "0644", "root:x:0"
  std::string value_b;
  std::string damage;                // why the content of one side cannot be read
  std::vector<const Cause*> causes;  // the most likely first

  // Follows from another difference.
  bool IsConsequence() const { return !causes.empty() && causes[0]->consequence; }
};

// What holds one byte of one ISO.
struct Place {
  Layer layer = Layer::kIsoStructure;
  std::string name;
  uint64_t in_layer = 0;
  uint64_t in_piece = 0;
  std::string package;
};

struct FirstByte {
  uint64_t at = 0;         // in both ISOs
  std::optional<Place> a;  // nothing behind the end, or where the ISO cannot be read
  std::optional<Place> b;
};

struct PackageChange {
  std::string name;
  std::string version_a;  // empty: not there
  std::string version_b;
};

struct Side {
  uint64_t size = 0;
  std::optional<Manifest> manifest;
  std::string unreadable;                // why this is no ISO of ours; empty: it is one
  std::vector<std::string> damage;       // what of it cannot be read
  std::vector<std::string> contradicts;  // what does not fit its own manifest
};

struct DiffReport {
  bool identical = false;
  Side a;
  Side b;
  PairFacts facts;
  FirstByte first;                      // where not identical
  std::vector<PackageChange> packages;  // sorted by name
  std::vector<Difference> differences;  // the most telling first; at most kMaxDifferences
  size_t total = 0;                     // of differences
  size_t consequences = 0;              // of them, those that follow from others
};

inline constexpr size_t kMaxDifferences = 10000;

struct DiffOptions {
  unsigned jobs = 2;
};

// kMalformed where neither is an ISO of ours. Where only one is, the report has nothing but its
// first byte and says why the other is unreadable.
Result<DiffReport> DiffImages(std::string_view a, std::string_view b, const DiffOptions& options);

}  // namespace lethe::image
