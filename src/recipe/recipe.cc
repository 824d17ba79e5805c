#include "recipe/recipe.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "recipe/names.h"
#include "recipe/source_files.h"
#include "toml/toml.h"

namespace lethe::recipe {
namespace {

namespace fs = std::filesystem;
using toml::Located;
using toml::TableReader;

constexpr uint64_t kMaxRecipeBytes = 4ULL << 20;
constexpr const char* kInitrdInit = "initrd:/init";

using Check = Problem (*)(std::string_view);

Error Bad(const TableReader& reader, const Located& value, std::string_view key,
          const std::string& allowed) {
  return reader.ErrorAt(
      value.line, "key '" + std::string(key) + "': '" + Printable(value.value) + "': " + allowed);
}

Result<std::string> Checked(TableReader& reader, std::string_view key, Check check) {
  const Located value = LETHE_TRY(reader.String(key));
  if (const Problem problem = check(value.value)) return Bad(reader, value, key, *problem);
  return value.value;
}

Result<std::string> CheckedOr(TableReader& reader, std::string_view key, Check check,
                              std::string fallback) {
  const auto value = LETHE_TRY(reader.OptionalString(key));
  if (!value) return fallback;
  if (const Problem problem = check(value->value)) return Bad(reader, *value, key, *problem);
  return value->value;
}

// A list of distinct names.
Result<std::vector<std::string>> CheckedList(TableReader& reader, std::string_view key,
                                             Check check) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (const Located& value : LETHE_TRY(reader.Strings(key))) {
    if (const Problem problem = check(value.value)) return Bad(reader, value, key, *problem);
    if (!seen.insert(value.value).second) return Bad(reader, value, key, "listed twice");
    out.push_back(value.value);
  }
  return out;
}

Result<unsigned> Mode(TableReader& reader, unsigned fallback) {
  const auto value = LETHE_TRY(reader.OptionalString("mode"));
  if (!value) return fallback;
  const auto mode = ParseUnsigned<unsigned>(value->value, 8);
  if (!mode || value->value.size() != 4 || (*mode & ~01777U) != 0) {
    return Bad(reader, *value, "mode",
               "allowed: four octal digits such as \"0640\", without set-id bits");
  }
  return *mode;
}

Problem CheckArchitecture(std::string_view text) {
  return text == "amd64" ? Problem() : "allowed: \"amd64\"";
}

Problem CheckSuite(std::string_view text) {
  return CheckImageId(text)
             ? Problem("allowed: a suite such as trixie, trixie-updates, trixie-security")
             : Problem();
}

Problem CheckArchiveComponent(std::string_view text) {
  return CheckImageId(text) ? Problem("allowed: main, contrib, non-free, non-free-firmware")
                            : Problem();
}

Problem CheckGlob(std::string_view text) {
  if (text.size() > 1 && text[0] == '/' && text.find("..") == std::string_view::npos &&
      IsUtf8(text))
    return {};
  return "allowed: an absolute pattern such as /usr/share/doc/**";
}

// Which place of the recipe each path of the image comes from. No path may come from two, and what
// is not a folder has nothing below it.
class Claims {
 public:
  // `line` is where recipe.toml says so, 0 where a file below files/ does.
  Status Claim(const TableReader& reader, int line, const std::string& path, bool folder) {
    const auto [entry, fresh] = entries_.emplace(path, Entry{line, folder});
    if (fresh) return {};
    return reader.ErrorAt(
        std::max(line, entry->second.line),
        "path '" + path + "' comes from two places: here and " + Where(entry->second));
  }

  Status CheckNesting(const TableReader& root) const {
    for (const auto& [path, entry] : entries_) {
      for (size_t slash = path.rfind('/'); slash != 0; slash = path.rfind('/', slash - 1)) {
        const auto above = entries_.find(path.substr(0, slash));
        if (above == entries_.end() || above->second.folder) continue;
        return root.ErrorAt(std::max({entry.line, above->second.line, 1}),
                            "path '" + path + "' lies below '" + above->first + "' of " +
                                Where(above->second) + ", which is not a folder");
      }
    }
    return {};
  }

 private:
  struct Entry {
    int line;
    bool folder;
  };
  static std::string Where(const Entry& entry) {
    return entry.line == 0 ? "files/" : "line " + std::to_string(entry.line);
  }
  std::map<std::string, Entry> entries_;
};

Status ReadImage(TableReader& root, Recipe& recipe) {
  auto t = LETHE_TRY(root.Table("image"));
  recipe.id = LETHE_TRY(Checked(t, "id", CheckImageId));
  recipe.name = LETHE_TRY(Checked(t, "name", CheckPlainText));
  recipe.architecture = LETHE_TRY(Checked(t, "architecture", CheckArchitecture));
  return t.Finish();
}

Status ReadDebian(TableReader& root, Recipe& recipe) {
  auto t = LETHE_TRY(root.Table("debian"));
  recipe.suites = LETHE_TRY(CheckedList(t, "suites", CheckSuite));
  recipe.components_of_archive = LETHE_TRY(CheckedList(t, "components", CheckArchiveComponent));
  recipe.packages = LETHE_TRY(CheckedList(t, "packages", CheckPackageName));
  recipe.build_only = LETHE_TRY(CheckedList(t, "build_only", CheckPackageName));
  recipe.tools = LETHE_TRY(CheckedList(t, "tools", CheckPackageName));
  recipe.compilers = LETHE_TRY(CheckedList(t, "compilers", CheckPackageName));
  recipe.exclude = LETHE_TRY(CheckedList(t, "exclude", CheckGlob));
  for (const auto& [key, list] : {std::pair{"suites", &recipe.suites},
                                  {"components", &recipe.components_of_archive},
                                  {"packages", &recipe.packages},
                                  {"tools", &recipe.tools}}) {
    if (list->empty())
      return t.ErrorAt(0, "key '" + std::string(key) + "' in [debian]: must name at least one");
  }
  return t.Finish();
}

Status ReadKernel(TableReader& root, Recipe& recipe) {
  auto t = LETHE_TRY(root.Table("kernel"));
  Kernel& kernel = recipe.kernel;
  kernel.package = LETHE_TRY(Checked(t, "package", CheckPackageName));
  kernel.command_line = LETHE_TRY(CheckedList(t, "command_line", CheckKernelParameter));
  kernel.modules = LETHE_TRY(CheckedList(t, "modules", CheckModuleName));
  kernel.initrd_modules = LETHE_TRY(CheckedList(t, "initrd_modules", CheckModuleName));
  kernel.load = LETHE_TRY(CheckedList(t, "load", CheckModuleName));
  kernel.firmware = LETHE_TRY(CheckedList(t, "firmware", CheckPackageName));
  kernel.firmware_missing_ok = LETHE_TRY(CheckedList(t, "firmware_missing_ok", CheckRelativePath));
  kernel.microcode = LETHE_TRY(CheckedList(t, "microcode", CheckPackageName));
  const std::pair<const char*, const char*> kRequired[] = {
      {"init_on_alloc=1", "freed memory is forgotten"},
      {"init_on_free=1", "freed memory is forgotten"},
      {"rootfstype=ramfs", "the root image is mounted from a file there"},
  };
  for (const auto& [word, reason] : kRequired) {
    if (std::find(kernel.command_line.begin(), kernel.command_line.end(), word) ==
        kernel.command_line.end()) {
      return t.ErrorAt(
          0, "key 'command_line' in [kernel]: must have " + std::string(word) + ": " + reason);
    }
  }
  return t.Finish();
}

Status ReadUsers(TableReader& root, Recipe& recipe) {
  std::set<std::string> names = {"root"};
  std::set<uint32_t> uids;
  std::set<uint32_t> gids;
  for (TableReader& t : LETHE_TRY(root.Tables("users"))) {
    User user;
    user.name = LETHE_TRY(Checked(t, "name", CheckUserName));
    user.uid = static_cast<uint32_t>(LETHE_TRY(t.Integer("uid", {1, 65533})));
    user.gid =
        static_cast<uint32_t>(LETHE_TRY(t.OptionalInteger("gid", {1, 65533})).value_or(user.uid));
    user.home = LETHE_TRY(CheckedOr(t, "home", CheckImagePath, user.home));
    user.shell = LETHE_TRY(CheckedOr(t, "shell", CheckImagePath, user.shell));
    user.comment = LETHE_TRY(CheckedOr(t, "comment", CheckPlainText, ""));
    if (!names.insert(user.name).second) {
      return t.ErrorAt(0, "key 'name': user '" + user.name + "' is there already");
    }
    if (!uids.insert(user.uid).second || !gids.insert(user.gid).second) {
      return t.ErrorAt(0, "user '" + user.name + "': uid or gid is taken by another [[users]]");
    }
    LETHE_TRY(t.Finish());
    recipe.users.push_back(std::move(user));
  }
  return {};
}

Status ReadSystemd(TableReader& root, Recipe& recipe) {
  auto t = LETHE_TRY(root.Table("systemd"));
  recipe.default_target =
      LETHE_TRY(CheckedOr(t, "default_target", CheckUnitName, "multi-user.target"));
  recipe.units_enable = LETHE_TRY(CheckedList(t, "enable", CheckUnitName));
  recipe.units_mask = LETHE_TRY(CheckedList(t, "mask", CheckUnitName));
  for (const auto& unit : recipe.units_enable) {
    if (std::find(recipe.units_mask.begin(), recipe.units_mask.end(), unit) !=
        recipe.units_mask.end()) {
      return t.ErrorAt(0, "unit '" + unit + "' is both enabled and masked");
    }
  }
  return t.Finish();
}

Status ReadSysctl(TableReader& root, Recipe& recipe) {
  for (const auto& [key, value] : LETHE_TRY(root.FreeStrings("sysctl"))) {
    if (const Problem problem = CheckSysctlKey(key.value))
      return root.ErrorAt(key.line, "key '" + Printable(key.value) + "' in [sysctl]: " + *problem);
    if (value.value.find('\n') != std::string::npos || !IsUtf8(value.value))
      return root.ErrorAt(value.line, "key '" + key.value + "' in [sysctl]: allowed: one line");
    recipe.sysctl.emplace_back(key.value, value.value);
  }
  return {};
}

Result<Component::Install> ReadInstall(TableReader& t) {
  Component::Install install;
  install.from = LETHE_TRY(Checked(t, "from", CheckRelativePath));
  const Located to = LETHE_TRY(t.String("to"));
  const bool in_root =
      (to.value.starts_with("/usr/") || to.value.starts_with("/etc/")) && !CheckImagePath(to.value);
  if (to.value != kInitrdInit && !in_root)
    return Bad(t, to, "to", "allowed: a path below /usr/ or /etc/, or \"initrd:/init\"");
  install.to = to.value;
  install.mode = LETHE_TRY(Mode(t, 0755));
  LETHE_TRY(t.Finish());
  return install;
}

Status ReadComponents(TableReader& root, Recipe& recipe, Claims& claims) {
  std::set<std::string> names;
  size_t inits = 0;
  for (TableReader& t : LETHE_TRY(root.Tables("components"))) {
    Component component;
    component.name = LETHE_TRY(Checked(t, "name", CheckPackageName));
    component.sources = LETHE_TRY(CheckedList(t, "sources", CheckRelativePath));
    component.commands = LETHE_TRY(t.StringLists("commands"));
    for (const auto& argv : component.commands) {
      if (argv.empty() || argv[0].empty())
        return t.ErrorAt(0, "component '" + component.name + "': a command without a program");
    }
    for (TableReader& install : LETHE_TRY(t.Tables("install"))) {
      component.install.push_back(LETHE_TRY(ReadInstall(install)));
      const std::string& to = component.install.back().to;
      inits += to == kInitrdInit ? 1 : 0;
      if (to != kInitrdInit) LETHE_TRY(claims.Claim(install, install.line(), to, false));
    }
    if (component.sources.empty() || component.install.empty()) {
      return t.ErrorAt(0, "component '" + component.name +
                              "': needs sources and at least one [[components.install]]");
    }
    if (!names.insert(component.name).second)
      return t.ErrorAt(0, "component '" + component.name + "' is there twice");
    LETHE_TRY(t.Finish());
    recipe.components.push_back(std::move(component));
  }
  if (inits != 1)
    return root.ErrorAt(
        1, "exactly one component must install \"initrd:/init\", " + std::to_string(inits) + " do");
  return {};
}

// Each [[patched]] has patches, and each folder of patches/ its [[patched]]: no patch is forgotten.
Status ReadPatched(TableReader& root, Recipe& recipe) {
  std::map<std::string, std::vector<fs::path>> patches;
  const fs::path folder = recipe.directory / "patches";
  for (const std::string& relative : LETHE_TRY(ListSourceFiles(folder))) {
    const auto parts = Split(relative, '/');
    const std::string shown = "patches/" + Printable(relative);
    if (parts.size() != 2 || CheckPackageName(parts[0]) || CheckRelativePath(relative) ||
        !parts[1].ends_with(".patch") || parts[1].starts_with('-') ||
        !fs::is_regular_file(fs::symlink_status(folder / relative))) {
      return Error{ErrorCode::kMalformed,
                   shown + ": allowed: regular files patches/<source package>/<name>.patch"};
    }
    patches[std::string(parts[0])].push_back(folder / relative);
  }
  for (TableReader& t : LETHE_TRY(root.Tables("patched"))) {
    const Located source = LETHE_TRY(t.String("source"));
    if (const Problem problem = CheckPackageName(source.value))
      return Bad(t, source, "source", *problem);
    const auto found = patches.find(source.value);
    if (found == patches.end())
      return Bad(t, source, "source",
                 "there is no patches/" + source.value + "/*.patch, or it is listed twice");
    std::sort(found->second.begin(), found->second.end());
    recipe.patched.push_back({source.value, std::move(found->second)});
    patches.erase(found);
    LETHE_TRY(t.Finish());
  }
  if (!patches.empty()) {
    return Error{ErrorCode::kMalformed, "patches/" + patches.begin()->first +
                                            ": no [[patched]] of recipe.toml names this source"};
  }
  std::sort(recipe.patched.begin(), recipe.patched.end(),
            [](const Patched& a, const Patched& b) { return a.source < b.source; });
  return {};
}

Status ReadWritable(TableReader& root, Recipe& recipe) {
  std::vector<std::string> seen;
  for (TableReader& t : LETHE_TRY(root.Tables("writable"))) {
    WritablePath writable;
    writable.path = LETHE_TRY(Checked(t, "path", CheckWritablePath));
    writable.mode = LETHE_TRY(Mode(t, 0755));
    writable.size_mib = static_cast<uint32_t>(LETHE_TRY(t.Integer("size_mib", {1, 4096})));
    for (const std::string& other : seen) {
      if (other == writable.path)
        return t.ErrorAt(0, "writable path '" + writable.path + "' is there twice");
      if (other.starts_with(writable.path + "/"))
        return t.ErrorAt(
            0, "writable path '" + writable.path + "' would cover '" + other + "': list it first");
    }
    seen.push_back(writable.path);
    LETHE_TRY(t.Finish());
    recipe.writable.push_back(std::move(writable));
  }
  return {};
}

Status ReadBudget(TableReader& root, Recipe& recipe) {
  auto t = LETHE_TRY(root.Table("budget"));
  recipe.max_iso_mib = static_cast<uint32_t>(LETHE_TRY(t.Integer("iso_mib", {1, 4096})));
  recipe.max_ram_mib = static_cast<uint32_t>(LETHE_TRY(t.Integer("ram_mib", {1, 4096})));
  return t.Finish();
}

Status CollectFiles(Recipe& recipe, std::map<std::string, FileEntry>& files) {
  const fs::path folder = recipe.directory / "files";
  for (const std::string& relative : LETHE_TRY(ListSourceFiles(folder))) {
    const std::string path = "/" + relative;
    const std::string shown = "files/" + Printable(relative);
    if (const Problem problem = CheckImagePath(path))
      return Error{ErrorCode::kMalformed, shown + ": " + *problem};
    const fs::path source = folder / relative;
    const auto status = fs::symlink_status(source);
    if (fs::is_symlink(status)) {
      std::error_code error;
      const std::string target = fs::read_symlink(source, error).string();
      if (const Problem problem = CheckLinkTarget(path, target))
        return Error{ErrorCode::kMalformed,
                     shown + ": link to '" + Printable(target) + "': " + *problem};
      recipe.links.push_back({path, target});
      continue;
    }
    // A linked folder on the way would lead out of the recipe.
    std::error_code error;
    const fs::path real = fs::canonical(source, error);
    if (error || real != fs::canonical(folder, error) / relative || !fs::is_regular_file(status)) {
      return Error{ErrorCode::kMalformed,
                   shown + ": allowed: regular files and links inside the recipe"};
    }
    const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    files[path] = FileEntry{.path = path, .source = source, .mode = executable ? 0755U : 0644U};
  }
  return {};
}

Status AddPolicy(Recipe& recipe, std::map<std::string, FileEntry>& files) {
  const fs::path source = recipe.directory / kPolicyFile;
  const auto status = fs::symlink_status(source);
  if (!fs::exists(status)) return {};
  if (!fs::is_regular_file(status))
    return Error{ErrorCode::kMalformed, std::string(kPolicyFile) + ": allowed: a regular file"};
  const std::string path(kImagePolicyPath);
  if (files.contains(path)) {
    return Error{ErrorCode::kMalformed,
                 "files" + path + ": " + std::string(kPolicyFile) + " comes to this place"};
  }
  files[path] = FileEntry{.path = path, .source = source};
  return {};
}

Status ReadFileOverrides(TableReader& root, std::map<std::string, FileEntry>& files) {
  std::set<std::string> seen;
  for (TableReader& t : LETHE_TRY(root.Tables("files"))) {
    const Located path = LETHE_TRY(t.String("path"));
    const auto file = files.find(path.value);
    if (file == files.end()) return Bad(t, path, "path", "there is no such file below files/");
    if (!seen.insert(path.value).second) return Bad(t, path, "path", "listed twice");
    file->second.owner = LETHE_TRY(CheckedOr(t, "owner", CheckUserName, "root"));
    file->second.group = LETHE_TRY(CheckedOr(t, "group", CheckUserName, "root"));
    file->second.mode = LETHE_TRY(Mode(t, file->second.mode));
    LETHE_TRY(t.Finish());
  }
  return {};
}

Status ReadFolders(TableReader& root, Recipe& recipe, Claims& claims) {
  for (TableReader& t : LETHE_TRY(root.Tables("directories"))) {
    DirectoryEntry directory;
    directory.path = LETHE_TRY(Checked(t, "path", CheckImagePath));
    directory.owner = LETHE_TRY(CheckedOr(t, "owner", CheckUserName, "root"));
    directory.group = LETHE_TRY(CheckedOr(t, "group", CheckUserName, "root"));
    directory.mode = LETHE_TRY(Mode(t, 0755));
    LETHE_TRY(t.Finish());
    LETHE_TRY(claims.Claim(t, t.line(), directory.path, true));
    recipe.directories.push_back(std::move(directory));
  }
  for (TableReader& t : LETHE_TRY(root.Tables("links"))) {
    const std::string path = LETHE_TRY(Checked(t, "path", CheckImagePath));
    const Located target = LETHE_TRY(t.String("target"));
    if (const Problem problem = CheckLinkTarget(path, target.value))
      return Bad(t, target, "target", *problem);
    LETHE_TRY(t.Finish());
    LETHE_TRY(claims.Claim(t, t.line(), path, false));
    recipe.links.push_back({path, target.value});
  }
  return {};
}

}  // namespace

Result<Recipe> LoadRecipe(const fs::path& directory) {
  std::error_code error;
  Recipe recipe;
  recipe.directory = fs::canonical(directory, error);
  if (error)
    return Error{ErrorCode::kNotFound,
                 "recipe folder " + directory.string() + ": " + error.message()};
  const fs::path file = recipe.directory / "recipe.toml";
  const std::string text = LETHE_TRY(ReadFile(file, kMaxRecipeBytes));
  auto root =
      LETHE_TRY(TableReader::Parse(text, (directory / "recipe.toml").lexically_normal().string()));
  Claims claims;
  LETHE_TRY(ReadImage(root, recipe));
  LETHE_TRY(ReadDebian(root, recipe));
  LETHE_TRY(ReadKernel(root, recipe));
  LETHE_TRY(ReadUsers(root, recipe));
  LETHE_TRY(ReadSystemd(root, recipe));
  LETHE_TRY(ReadSysctl(root, recipe));
  LETHE_TRY(ReadComponents(root, recipe, claims));
  LETHE_TRY(ReadPatched(root, recipe));
  LETHE_TRY(ReadWritable(root, recipe));
  LETHE_TRY(ReadBudget(root, recipe));
  std::map<std::string, FileEntry> files;
  LETHE_TRY(CollectFiles(recipe, files));
  LETHE_TRY(ReadFileOverrides(root, files));
  LETHE_TRY(AddPolicy(recipe, files));
  for (const LinkEntry& link : recipe.links) LETHE_TRY(claims.Claim(root, 0, link.path, false));
  for (auto& [path, entry] : files) {
    LETHE_TRY(claims.Claim(root, 0, path, false));
    recipe.files.push_back(std::move(entry));
  }
  LETHE_TRY(ReadFolders(root, recipe, claims));
  LETHE_TRY(root.Finish());
  LETHE_TRY(claims.CheckNesting(root));
  return recipe;
}

}  // namespace lethe::recipe
