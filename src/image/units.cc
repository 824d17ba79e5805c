#include "image/units.h"

#include <map>
#include <vector>

#include "base/strings.h"

namespace lethe::image {
namespace {

constexpr std::string_view kFolders[] = {"/etc/systemd/system/", "/usr/lib/systemd/system/"};
constexpr std::string_view kEnabled = "/etc/systemd/system/";

// "x@y.service" to "x@.service"; the same name where it is no instance.
std::string TemplateOf(std::string_view unit) {
  const size_t at = unit.find('@');
  const size_t dot = unit.rfind('.');
  if (at == std::string_view::npos || dot == std::string_view::npos || dot <= at + 1) {
    return std::string(unit);
  }
  return std::string(unit.substr(0, at + 1)) + std::string(unit.substr(dot));
}

struct FoundUnit {
  std::string path;
  std::string_view text;
};

Result<FoundUnit> FindUnit(const Tree& tree, std::string_view unit) {
  for (const std::string& name : {std::string(unit), TemplateOf(unit)}) {
    for (const std::string_view folder : kFolders) {
      std::string path = LETHE_TRY(tree.Resolve(std::string(folder) + name));
      const TreeNode* node = tree.Find(path);
      if (node != nullptr && node->type == NodeType::kFile) {
        return FoundUnit{std::string(folder) + name, node->content.bytes()};
      }
    }
  }
  return Error{ErrorCode::kNotFound, "unit '" + Printable(unit) + "' does not exist in the image"};
}

// Keys of [Install] with their words, in order; a key may stand several times.
std::multimap<std::string, std::string> InstallSection(std::string_view text) {
  std::multimap<std::string, std::string> install;
  bool inside = false;
  for (std::string_view line : Lines(text)) {
    line = Trim(line);
    if (line.starts_with('[')) inside = line == "[Install]";
    const size_t equals = line.find('=');
    if (!inside || line.empty() || line[0] == '#' || line[0] == ';' ||
        equals == std::string_view::npos) {
      continue;
    }
    for (const auto word : Words(line.substr(equals + 1))) {
      install.emplace(Trim(line.substr(0, equals)), word);
    }
  }
  return install;
}

// Only the instance specifier occurs in [Install] sections of templates.
std::string Expand(std::string text, std::string_view unit) {
  const size_t at = unit.find('@');
  const size_t dot = unit.rfind('.');
  const std::string instance =
      at == std::string_view::npos ? "" : std::string(unit.substr(at + 1, dot - at - 1));
  for (size_t i = text.find("%i"); i != std::string::npos;
       i = text.find("%i", i + instance.size())) {
    text.replace(i, 2, instance);
  }
  return text;
}

Status Enable(Tree& tree, std::string_view unit, int depth) {
  constexpr int kMaxDepth = 16;  // of Also=
  if (depth > kMaxDepth) return {};
  const FoundUnit found = LETHE_TRY(FindUnit(tree, unit));
  const auto install = InstallSection(found.text);
  if (install.empty()) {
    return Error{ErrorCode::kConflict,
                 "unit '" + Printable(unit) + "' has no [Install] section: it cannot be enabled"};
  }
  for (const auto& [key, word] : install) {
    const std::string value = Expand(word, unit);
    const auto folder = key == "WantedBy"     ? ".wants/"
                        : key == "RequiredBy" ? ".requires/"
                        : key == "UpheldBy"   ? ".upholds/"
                                              : "";
    if (*folder != '\0') {
      const std::string link = std::string(kEnabled) + value + folder + std::string(unit);
      LETHE_TRY(tree.PutSymlink(link, found.path, "recipe"));
    } else if (key == "Alias") {
      LETHE_TRY(tree.PutSymlink(std::string(kEnabled) + value, found.path, "recipe"));
    } else if (key == "Also" && value != unit) {
      LETHE_TRY(Enable(tree, value, depth + 1));
    }
  }
  return {};
}

}  // namespace

Status EnableUnit(Tree& tree, std::string_view unit) { return Enable(tree, unit, 0); }

}  // namespace lethe::image
