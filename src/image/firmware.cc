#include "image/firmware.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "image/deb.h"
#include "recipe/names.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxRequests = 100000;

bool IsPattern(std::string_view name) { return name.find_first_of("*?") != std::string_view::npos; }

// Paths in `available` that a request names.
std::vector<std::string> Matches(const std::string& name, const Tree& available) {
  const std::string path = std::string(kFirmwareFolder) + name;
  if (!IsPattern(name)) return {path};
  std::vector<std::string> out;
  for (const auto& [candidate, node] : available.nodes()) {
    if (node.type != NodeType::kDirectory && GlobMatch(path, candidate)) out.push_back(candidate);
  }
  return out;
}

// Copies the node at `path`, all symlinks on the way to it, and the file at the end. False where
// there is nothing at `path`.
Result<bool> Take(const std::string& path, const Tree& available, Tree& out) {
  constexpr int kMaxLinks = 40;
  std::string current = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    // The first symlink on the way, or the node itself.
    size_t end = current.find('/', 1);
    const TreeNode* node = available.Find(current.substr(0, end));
    while (node != nullptr && node->type == NodeType::kDirectory && end != std::string::npos) {
      end = current.find('/', end + 1);
      node = available.Find(current.substr(0, end));
    }
    if (node == nullptr && links == 0) return false;
    const bool link = node != nullptr && node->type == NodeType::kSymlink;
    const bool file = node != nullptr && node->type == NodeType::kFile && end == std::string::npos;
    if (!link && !file) {
      return Error{ErrorCode::kConflict, "firmware '" + Printable(path) +
                                             "' leads to no file of a package ('" +
                                             Printable(current) + "')"};
    }
    const std::string place = current.substr(0, end);
    LETHE_TRY(out.Put(place, *node));
    if (file) return true;
    const std::string rest = end == std::string::npos ? "" : current.substr(end);
    const fs::path base = fs::path(place).parent_path() / node->target;
    current = base.lexically_normal().string() + rest;
  }
  return Error{ErrorCode::kConflict, "firmware '" + Printable(path) + "': too many symlinks"};
}

bool Equal(const TreeNode& a, const TreeNode& b) {
  return a.type == b.type && a.target == b.target && a.sha256 == b.sha256;
}

// A tree made of nodes that may come from several packages.
Status Merge(const Tree& from, Tree& into) {
  for (const auto& [path, node] : from.nodes()) {
    const TreeNode* there = into.Find(path);
    if (node.type == NodeType::kDirectory) continue;
    if (there == nullptr) {
      LETHE_TRY(into.Put(path, node));
    } else if (!Equal(*there, node)) {
      return Error{ErrorCode::kConflict, "packages '" + there->package + "' and '" + node.package +
                                             "' have different files at " + Printable(path)};
    }
  }
  return {};
}

Status WriteNode(const fs::path& root, const std::string& path, const TreeNode& node) {
  const fs::path target = root / path.substr(1);
  LETHE_TRY(MakeDirectories(target.parent_path()));
  if (node.type == NodeType::kFile) return WriteFileAtomic(target, node.content.bytes());
  std::error_code error;
  fs::create_symlink(node.target, target, error);
  if (error) return Error{ErrorCode::kIo, "linking " + target.string() + ": " + error.message()};
  return {};
}

Error Missing(const std::vector<std::string>& missing) {
  return Error{
      ErrorCode::kConflict,
      "no package of key 'firmware' has what modules ask for; add the package, or name the "
      "files in 'firmware_missing_ok':\n  " +
          Join(missing, "\n  ")};
}

}  // namespace

std::string WriteFirmwareRequests(const std::vector<FirmwareRequest>& requests) {
  std::string out;
  for (const auto& request : requests) out += request.module + " " + request.name + "\n";
  return out;
}

Result<std::vector<FirmwareRequest>> ParseFirmwareRequests(std::string_view text) {
  std::vector<FirmwareRequest> out;
  for (const std::string_view line : Lines(text)) {
    const size_t space = line.find(' ');
    const std::string_view name =
        space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
    if (recipe::CheckRelativePath(name) || out.size() >= kMaxRequests) {
      return Error{ErrorCode::kMalformed, "line " + std::to_string(out.size() + 1) +
                                              ": firmware '" + Printable(line) +
                                              "' is no module and clean relative path"};
    }
    out.push_back({std::string(line.substr(0, space)), std::string(name)});
  }
  return out;
}

Result<Tree> SelectFirmware(const std::vector<FirmwareRequest>& requests, const Tree& available,
                            const std::vector<std::string>& missing_ok) {
  Tree out;
  std::vector<std::string> missing;
  std::set<std::string> needed_patterns;
  for (const FirmwareRequest& request : requests) {
    bool found = false;
    for (const std::string& path : Matches(request.name, available)) {
      found = LETHE_TRY(Take(path, available, out)) || found;
    }
    if (found) continue;
    const auto pattern =
        std::find_if(missing_ok.begin(), missing_ok.end(),
                     [&](const std::string& p) { return GlobMatch(p, request.name); });
    if (pattern == missing_ok.end()) {
      missing.push_back("module " + request.module + ": " + Printable(request.name));
    } else {
      needed_patterns.insert(*pattern);
    }
  }
  if (!missing.empty()) return Missing(missing);
  for (const std::string& pattern : missing_ok) {
    if (needed_patterns.contains(pattern)) continue;
    return Error{ErrorCode::kConflict, "key 'firmware_missing_ok': '" + Printable(pattern) +
                                           "': no module lacks such a file (any more)"};
  }
  return out;
}

Result<PackageExtract> ReadPackageExtract(const PackageFile& package, std::string_view folder) {
  PackageExtract out;
  const std::string copyright = "/usr/share/doc/" + package.name + "/copyright";
  const auto wanted = [&](std::string_view path) {
    return path == copyright || path.starts_with(folder);
  };
  const auto add = [&](const DebEntry& entry, std::string bytes) -> Status {
    if (entry.path == copyright) {
      out.copyright = std::move(bytes);
      return {};
    }
    if (entry.type == archive::EntryType::kSymlink)
      return out.files.PutSymlink(entry.path, entry.target, package.name);
    return out.files.PutFile(entry.path, std::move(bytes), 0644, package.name);
  };
  LETHE_TRY_IN(ReadDebFiles(package.deb, wanted, add), "package " + package.name);
  if (out.copyright.empty())
    return Error{ErrorCode::kMalformed, "package '" + package.name + "' has no " + copyright};
  return out;
}

Status WriteCopyrights(const std::map<std::string, std::string>& by_package,
                       const fs::path& output) {
  std::map<std::string_view, std::string> first;  // by text
  for (const auto& [package, text] : by_package) {
    const std::string path = "/usr/share/doc/" + package + "/copyright";
    const auto [known, fresh] = first.emplace(text, package);
    TreeNode node{.type = fresh ? NodeType::kFile : NodeType::kSymlink};
    if (fresh) {
      node.content = Content::FromString(text);
    } else {
      node.target = "../" + known->second + "/copyright";
    }
    LETHE_TRY(WriteNode(output / package, path, node));
  }
  return {};
}

Status CollectFirmware(const std::vector<PackageFile>& packages,
                       const std::vector<FirmwareRequest>& requests,
                       const std::vector<std::string>& missing_ok, const fs::path& output) {
  Tree available;
  std::map<std::string, std::string> copyrights;
  for (const PackageFile& package : packages) {
    PackageExtract extract = LETHE_TRY(ReadPackageExtract(package, kFirmwareFolder));
    LETHE_TRY(Merge(extract.files, available));
    copyrights[package.name] = std::move(extract.copyright);
  }
  const Tree selected = LETHE_TRY(SelectFirmware(requests, available, missing_ok));
  std::map<std::string, std::string> used;
  for (const auto& [path, node] : selected.nodes()) {
    if (node.type == NodeType::kDirectory) continue;
    LETHE_TRY(WriteNode(output / node.package, path, node));
    used[node.package] = copyrights[node.package];
  }
  return WriteCopyrights(used, output);
}

}  // namespace lethe::image
