#include "image/compose.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/units.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using recipe::Recipe;

constexpr const char* kByRecipe = "recipe";

// What installing packages leaves behind and no server needs: logs, caches, databases, identities.
constexpr std::string_view kForgotten[] = {
    "/boot/**",
    "/dev/**",
    "/etc/.pwd.lock",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/hostname",
    "/etc/hosts.dpkg*",
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/etc/passwd-",
    "/etc/resolv.conf",
    "/etc/shadow-",
    "/etc/subgid-",
    "/etc/subuid-",
    "/etc/systemd/system/**",
    "/etc/systemd/user/**",
    "/home/**",
    "/media/**",
    "/mnt/**",
    "/opt/**",
    "/proc/**",
    "/root/**",
    "/run/**",
    "/srv/**",
    "/sys/**",
    "/tmp/**",
    "/usr/lib/locale/locale-archive",
    "/usr/local/**",
    "/var/**",
};

bool MatchesAny(std::string_view path, const auto& patterns) {
  return std::any_of(std::begin(patterns), std::end(patterns),
                     [&](const auto& pattern) { return GlobMatch(pattern, path); });
}

void RemoveWhatIsNotShipped(Tree& tree, const Recipe& recipe) {
  const std::set<std::string_view> build_only(recipe.build_only.begin(), recipe.build_only.end());
  std::set<std::string> kept_folders;  // of build-only packages: gone unless something stays below
  for (const auto& [path, node] : tree.nodes()) {
    if (node.type == NodeType::kDirectory || build_only.contains(node.package)) continue;
    if (MatchesAny(path, kForgotten) || MatchesAny(path, recipe.exclude)) continue;
    for (fs::path p = fs::path(path).parent_path(); p != "/"; p = p.parent_path()) {
      if (!kept_folders.insert(p.string()).second) break;
    }
  }
  tree.RemoveIf([&](const std::string& path, const TreeNode& node) {
    if (node.type == NodeType::kDirectory && kept_folders.contains(path)) return false;
    if (MatchesAny(path, kForgotten) || MatchesAny(path, recipe.exclude)) return true;
    return build_only.contains(node.package);
  });
}

// name:x:id:… files, kept sorted by what the packages wrote, ours at the end.
struct Accounts {
  std::map<std::string, uint32_t, std::less<>> users;
  std::map<std::string, uint32_t, std::less<>> groups;
};

std::string TextOf(const Tree& tree, std::string_view path) {
  const TreeNode* node = tree.Find(path);
  return node == nullptr ? "" : std::string(node->content.bytes());
}

std::map<std::string, uint32_t, std::less<>> ParseIds(std::string_view text) {
  std::map<std::string, uint32_t, std::less<>> ids;
  for (const std::string_view line : Lines(text)) {
    const auto fields = Split(line, ':');
    if (fields.size() < 3) continue;
    if (const auto id = ParseUnsigned<uint32_t>(fields[2])) ids.emplace(fields[0], *id);
  }
  return ids;
}

// The day of a password's last change is the day of the build: a fixed one instead. No account of
// an image may have a password.
Result<std::string> NormaliseShadow(std::string_view text) {
  std::string out;
  for (const std::string_view line : Lines(text)) {
    const auto fields = Split(line, ':');
    if (fields.size() != 9) {
      return Error{ErrorCode::kMalformed, "/etc/shadow: a line without nine fields"};
    }
    if (fields[1] != "*" && !fields[1].starts_with('!')) {
      return Error{ErrorCode::kConflict, "account '" + Printable(fields[0]) +
                                             "' is not locked: an image has no passwords"};
    }
    out += std::string(fields[0]) + ":*:1::::::\n";
  }
  return out;
}

Result<Accounts> AddUsers(Tree& tree, const Recipe& recipe) {
  std::string passwd = TextOf(tree, "/etc/passwd");
  std::string group = TextOf(tree, "/etc/group");
  std::string shadow = TextOf(tree, "/etc/shadow");
  Accounts accounts{ParseIds(passwd), ParseIds(group)};
  const auto taken = [](const auto& ids, uint32_t id) {
    return std::any_of(ids.begin(), ids.end(), [&](const auto& e) { return e.second == id; });
  };
  for (const recipe::User& user : recipe.users) {
    if (accounts.users.contains(user.name) || taken(accounts.users, user.uid)) {
      return Error{ErrorCode::kConflict, "user '" + user.name + "' (uid " +
                                             std::to_string(user.uid) +
                                             ") is taken by a package already"};
    }
    if (!accounts.groups.contains(user.name)) {
      if (taken(accounts.groups, user.gid)) {
        return Error{ErrorCode::kConflict, "group id " + std::to_string(user.gid) + " of user '" +
                                               user.name + "' is taken by a package already"};
      }
      group += user.name + ":x:" + std::to_string(user.gid) + ":\n";
      accounts.groups[user.name] = user.gid;
    }
    accounts.users[user.name] = user.uid;
    passwd += user.name + ":x:" + std::to_string(user.uid) + ":" + std::to_string(user.gid) + ":" +
              user.comment + ":" + user.home + ":" + user.shell + "\n";
    shadow += user.name + ":*:1::::::\n";
  }
  const auto shadow_group = accounts.groups.find("shadow");
  LETHE_TRY(tree.PutFile("/etc/passwd", passwd, 0644, ""));
  LETHE_TRY(tree.PutFile("/etc/group", group, 0644, ""));
  TreeNode node{.mode = 0640,
                .gid = shadow_group == accounts.groups.end() ? 0 : shadow_group->second};
  const std::string shadow_text = LETHE_TRY(NormaliseShadow(shadow));
  node.sha256 = crypto::Sha256Of(shadow_text);
  node.content = Content::FromString(shadow_text);
  LETHE_TRY(tree.Put("/etc/shadow", std::move(node)));
  return accounts;
}

Result<uint32_t> IdOf(const std::map<std::string, uint32_t, std::less<>>& ids,
                      const std::string& name, std::string_view path) {
  const auto it = ids.find(name);
  if (it != ids.end()) return it->second;
  return Error{ErrorCode::kConflict,
               std::string(path) + ": the image has no user or group '" + Printable(name) + "'"};
}

Status AddRecipeFiles(Tree& tree, const Recipe& recipe, const Accounts& accounts) {
  for (const auto& directory : recipe.directories) {
    LETHE_TRY(
        tree.Put(directory.path,
                 TreeNode{.type = NodeType::kDirectory,
                          .mode = directory.mode,
                          .uid = LETHE_TRY(IdOf(accounts.users, directory.owner, directory.path)),
                          .gid = LETHE_TRY(IdOf(accounts.groups, directory.group, directory.path)),
                          .package = kByRecipe}));
  }
  for (const auto& file : recipe.files) {
    TreeNode node{.type = NodeType::kFile,
                  .mode = file.mode,
                  .uid = LETHE_TRY(IdOf(accounts.users, file.owner, file.path)),
                  .gid = LETHE_TRY(IdOf(accounts.groups, file.group, file.path)),
                  .package = kByRecipe};
    std::string bytes = LETHE_TRY(ReadFile(file.source));
    node.sha256 = crypto::Sha256Of(bytes);
    node.content = Content::FromString(std::move(bytes));
    LETHE_TRY(tree.Put(file.path, std::move(node)));
  }
  for (const auto& link : recipe.links)
    LETHE_TRY(tree.PutSymlink(link.path, link.target, kByRecipe));
  return {};
}

Status AddGeneratedFiles(Tree& tree, const Recipe& recipe, const ImageVersion& version) {
  const std::string debian = TextOf(tree, "/usr/lib/os-release");
  std::string os_release;
  for (const std::string_view line : Lines(debian)) {
    if (!line.starts_with("PRETTY_NAME=") && !line.starts_with("NAME="))
      os_release += std::string(line) + "\n";
  }
  os_release += "NAME=\"" + recipe.name + "\"\nPRETTY_NAME=\"" + recipe.name + " " +
                version.version + "\"\nIMAGE_ID=" + recipe.id +
                "\nIMAGE_VERSION=" + version.version + "\nBUILD_ID=" + version.commit + "\n";
  LETHE_TRY(tree.PutFile("/usr/lib/os-release", os_release, 0644, ""));
  LETHE_TRY(tree.PutSymlink("/etc/os-release", "../usr/lib/os-release", ""));
  std::string sysctl;
  for (const auto& [key, value] : recipe.sysctl) sysctl += key + " = " + value + "\n";
  LETHE_TRY(tree.PutFile("/usr/lib/sysctl.d/90-recipe.conf", sysctl, 0644, kByRecipe));
  std::string load;
  for (const auto& module : recipe.kernel.load) load += module + "\n";
  LETHE_TRY(tree.PutFile("/usr/lib/modules-load.d/90-recipe.conf", load, 0644, kByRecipe));
  // Empty: systemd makes a new identity in RAM at each boot (machine-id(5)).
  return tree.PutFile("/etc/machine-id", "", 0444, "");
}

Status EnableUnits(Tree& tree, const Recipe& recipe) {
  for (const auto& unit : recipe.units_enable) LETHE_TRY(EnableUnit(tree, unit));
  for (const auto& unit : recipe.units_mask) {
    LETHE_TRY(tree.PutSymlink("/etc/systemd/system/" + unit, "/dev/null", kByRecipe));
  }
  if (recipe.default_target.empty()) return {};
  return tree.PutSymlink("/etc/systemd/system/default.target",
                         "/usr/lib/systemd/system/" + recipe.default_target, kByRecipe);
}

// Empty folders for everything that is mounted at boot.
Status AddMountPoints(Tree& tree, const Recipe& recipe) {
  std::vector<std::string> points = {"/dev", "/proc", "/sys", "/run", "/tmp"};
  for (const auto& writable : recipe.writable) points.push_back(writable.path);
  for (const std::string& point : points) {
    tree.Remove(point);
    LETHE_TRY(tree.Put(point, TreeNode{.type = NodeType::kDirectory, .mode = 0755}));
  }
  return {};
}

Status AddLayer(Tree& tree, const Tree& layer) {
  for (const auto& [path, node] : layer.nodes()) {
    const std::string place = LETHE_TRY(tree.Resolve(path));
    const TreeNode* there = tree.Find(place);
    if (there != nullptr && node.type == NodeType::kDirectory) continue;
    if (there != nullptr) {
      return Error{ErrorCode::kConflict, Printable(path) + " of " + node.package +
                                             " is in the image already (from " + there->package +
                                             ")"};
    }
    LETHE_TRY(tree.Put(place, node));
  }
  return {};
}

// The root is mounted nosuid: set-id bits would only be noise in an audit.
Result<Tree> WithoutSetId(const Tree& tree) {
  Tree out;
  for (const auto& [path, node] : tree.nodes()) {
    TreeNode copy = node;
    if (copy.type == NodeType::kFile) copy.mode &= 0777;
    LETHE_TRY(out.Put(path, std::move(copy)));
  }
  return out;
}

}  // namespace

Result<Tree> ComposeRoot(ComposeInputs inputs) {
  Tree tree = std::move(inputs.configured);
  const Recipe& recipe = inputs.recipe;
  RemoveWhatIsNotShipped(tree, recipe);
  for (const Tree& layer : inputs.layers) LETHE_TRY(AddLayer(tree, layer));
  const Accounts accounts = LETHE_TRY(AddUsers(tree, recipe));
  LETHE_TRY(AddMountPoints(tree, recipe));
  LETHE_TRY(AddGeneratedFiles(tree, recipe, inputs.version));
  LETHE_TRY(AddRecipeFiles(tree, recipe, accounts));
  LETHE_TRY(EnableUnits(tree, recipe));
  return WithoutSetId(tree);
}

Result<Tree> ImportFolder(const fs::path& folder, const std::string& package) {
  Tree tree;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string path = "/" + it->path().lexically_relative(folder).string();
    const auto status = it->symlink_status();
    if (fs::is_symlink(status)) {
      LETHE_TRY(tree.PutSymlink(path, fs::read_symlink(it->path(), error).string(), package));
    } else if (fs::is_directory(status)) {
      LETHE_TRY(
          tree.Put(path, TreeNode{.type = NodeType::kDirectory, .mode = 0755, .package = package}));
    } else if (fs::is_regular_file(status)) {
      const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
      LETHE_TRY(
          tree.PutFile(path, LETHE_TRY(ReadFile(it->path())), executable ? 0755 : 0644, package));
    } else {
      return Error{ErrorCode::kMalformed, Printable(path) + " is neither file, folder nor link"};
    }
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  return tree;
}

Result<std::vector<Tree>> ImportPackages(const fs::path& folder) {
  std::vector<std::string> packages;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    packages.push_back(entry.path().filename().string());
  std::sort(packages.begin(), packages.end());
  std::vector<Tree> trees;
  for (const std::string& package : packages)
    trees.push_back(LETHE_TRY(ImportFolder(folder / package, package)));
  return trees;
}

}  // namespace lethe::image
