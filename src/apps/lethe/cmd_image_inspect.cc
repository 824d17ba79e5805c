// lethe image inspect: what is in an ISO, told by its manifest, and by its drivers and microcode.
// Checks nothing: that is `image verify`. Exit codes: 0 ok, 4 not an ISO of ours.

#include <fmt/format.h>

#include <algorithm>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/hardware_report.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/iso_reader.h"
#include "image/manifest.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string iso;
  std::string files;  // pattern
  bool sbom = false;
  bool manifest = false;
  bool hardware = false;
  size_t largest = 10;
};

struct Loaded {
  image::MappedFile file;
  image::IsoListing listing;
  image::Manifest manifest;

  Result<std::string_view> Text(std::string_view path) const {
    const image::IsoFile* found = image::FindIsoFile(listing, path);
    if (found == nullptr) {
      return Error{ErrorCode::kMalformed, "the ISO has no " + std::string(path)};
    }
    return file.bytes.substr(found->offset, found->size);
  }
};

Result<Loaded> Load(const std::string& iso) {
  Loaded loaded{LETHE_TRY(image::MapFile(iso)), {}, {}};
  loaded.listing = LETHE_TRY_IN(image::ReadIso(loaded.file.bytes), iso);
  const std::string_view text = LETHE_TRY_IN(loaded.Text(image::kIsoManifestPath), iso);
  loaded.manifest = LETHE_TRY_IN(image::ParseManifest(text), iso);
  return loaded;
}

std::string Mode(const image::ManifestNode& node) {
  std::string text = node.type == image::NodeType::kDirectory ? "d"
                     : node.type == image::NodeType::kSymlink ? "l"
                                                              : "-";
  for (int bit = 8; bit >= 0; --bit) text += (node.mode >> bit & 1) != 0U ? "xwr"[bit % 3] : '-';
  return text;
}

int PrintFiles(const image::Manifest& manifest, const std::string& pattern) {
  for (const auto& node : manifest.root) {
    if (!GlobMatch(pattern, node.path)) continue;
    fmt::print("{} {:>5} {:>5} {:>10}  {}{}  ({})\n", Mode(node), node.uid, node.gid, node.size,
               node.path, node.target.empty() ? "" : " -> " + node.target,
               node.package.empty() ? "build" : node.package);
  }
  return 0;
}

// Bytes per origin: Debian packages, the kernel's modules, the recipe's own files, the rest.
std::vector<std::pair<std::string, uint64_t>> BytesByOrigin(const image::Manifest& manifest) {
  std::map<std::string, uint64_t> bytes;
  for (const auto& node : manifest.root) {
    if (node.type == image::NodeType::kFile) {
      bytes[node.package.empty() ? "(build)" : node.package] += node.size;
    }
  }
  std::vector<std::pair<std::string, uint64_t>> out(bytes.begin(), bytes.end());
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

std::string VersionOf(const image::Manifest& manifest, const std::string& name) {
  for (const auto& package : manifest.packages) {
    if (package.name == name) return package.version;
  }
  return "";
}

std::string PatchesOf(const image::Manifest& manifest, const std::string& name) {
  for (const auto& package : manifest.packages) {
    if (package.name == name && !package.patches.empty())
      return "  patched: " + Join(package.patches, ", ");
  }
  return "";
}

void PrintSummary(const Loaded& loaded, size_t largest) {
  const image::Manifest& m = loaded.manifest;
  fmt::print("{} {}\n", m.image_id, m.image_version);
  fmt::print("  commit        {}{}\n", m.commit,
             m.dirty ? " and changes: dirty, never releasable" : "");
  fmt::print("  kernel        {}\n", m.kernel_version);
  fmt::print("  command line  {}\n", m.command_line);
  fmt::print("  lock          sha256 {}\n\n", m.lock.Hex());
  fmt::print("  ISO           {:>10}\n", ReadableSize(loaded.file.bytes.size()));
  for (const auto& blob : m.iso) {
    if (blob.path == image::kIsoKernelPath)
      fmt::print("  kernel        {:>10}\n", ReadableSize(blob.size));
    if (blob.path == image::kIsoInitrdPath)
      fmt::print("  initrd        {:>10}\n", ReadableSize(blob.size));
  }
  for (const auto& blob : m.initrd) {
    if (blob.path == image::kInitrdRootPath)
      fmt::print("  root image    {:>10}", ReadableSize(blob.size));
  }
  uint64_t unpacked = 0;
  size_t files = 0;
  for (const auto& node : m.root) {
    unpacked += node.type == image::NodeType::kFile ? node.size : 0;
    files += node.type == image::NodeType::kFile ? 1 : 0;
  }
  fmt::print("  ({} in {} files)\n\n", ReadableSize(unpacked), files);
  fmt::print("  {} packages, by size in the root\n", m.packages.size());
  for (const auto& [name, bytes] : BytesByOrigin(m)) {
    fmt::print("  {:>10}  {:<24} {}{}\n", ReadableSize(bytes), name, VersionOf(m, name),
               PatchesOf(m, name));
  }
  std::vector<const image::ManifestNode*> nodes;
  for (const auto& node : m.root) nodes.push_back(&node);
  std::stable_sort(nodes.begin(), nodes.end(), [](auto* a, auto* b) { return a->size > b->size; });
  nodes.resize(std::min(nodes.size(), largest));
  fmt::print("\n  largest files\n");
  for (const auto* node : nodes) fmt::print("  {:>10}  {}\n", ReadableSize(node->size), node->path);
}

json::Value SummaryJson(const Loaded& loaded) {
  const image::Manifest& m = loaded.manifest;
  json::Array packages;
  for (const auto& package : m.packages) {
    packages.push_back(
        json::Object{{"name", package.name},
                     {"version", package.version},
                     {"architecture", package.architecture},
                     {"installed_bytes", package.installed_bytes},
                     {"patches", json::Array(package.patches.begin(), package.patches.end())}});
  }
  json::Object sizes{{"iso", loaded.file.bytes.size()}};
  for (const auto& blob : m.iso) sizes[blob.path] = blob.size;
  for (const auto& blob : m.initrd) sizes["initrd:" + blob.path] = blob.size;
  return json::Object{{"image_id", m.image_id},
                      {"image_version", m.image_version},
                      {"commit", m.commit},
                      {"dirty", m.dirty},
                      {"kernel_version", m.kernel_version},
                      {"command_line", m.command_line},
                      {"lock", m.lock.Hex()},
                      {"sizes", std::move(sizes)},
                      {"root_nodes", m.root.size()},
                      {"packages", std::move(packages)}};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const Loaded loaded = LETHE_TRY(Load(options.iso));
  if (options.sbom || options.manifest) {
    const auto path = options.sbom ? image::kIsoSbomPath : image::kIsoManifestPath;
    const std::string_view text = LETHE_TRY_IN(loaded.Text(path), options.iso);
    fmt::print("{}\n", Trim(text));
    return 0;
  }
  if (options.hardware) {
    const auto report = LETHE_TRY_IN(image::ReadHardware(loaded.file.bytes), options.iso);
    if (global.json) {
      PrintJson(HardwareJson(report));
    } else {
      PrintHardware(report);
    }
    return 0;
  }
  if (!options.files.empty()) return PrintFiles(loaded.manifest, options.files);
  if (global.json) {
    PrintJson(SummaryJson(loaded));
  } else {
    PrintSummary(loaded, options.largest);
  }
  return 0;
}

}  // namespace

Action DeclareImageInspect(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("iso", options->iso, "the ISO")->required();
  app.add_flag("--sbom", options->sbom, "print the SPDX bill of materials");
  app.add_flag("--manifest", options->manifest, "print the manifest");
  app.add_flag("--hardware", options->hardware,
               "network cards, their firmware, and microcode that the image has");
  app.add_option("--files", options->files,
                 "list files of the root by a pattern such as '/etc/**'");
  app.add_option("--largest", options->largest, "how many of the largest files")
      ->capture_default_str();
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
