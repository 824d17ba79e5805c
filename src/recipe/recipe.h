// The recipe: an operating system as source. Parsed from <folder>/recipe.toml; the format is
// docs/formats/recipe.md. Everything here is checked: names, paths and ranges hold when a Recipe
// exists, and no path leaves the recipe folder or the root of the image.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe::recipe {

// A file, folder or link that the recipe puts into the root. Paths are absolute inside the image
// ("/etc/x"), normalised, and never contain "." or "..".
struct FileEntry {
  std::string path;
  std::filesystem::path source;  // absolute: <recipe>/files and `path`, or <recipe>/policy.toml
  std::string owner = "root";    // a user of the image
  std::string group = "root";
  unsigned mode = 0644;
};

struct DirectoryEntry {
  std::string path;
  std::string owner = "root";
  std::string group = "root";
  unsigned mode = 0755;
};

struct LinkEntry {
  std::string path;
  std::string target;  // as it is stored; absolute targets are inside the image
};

// Ids are fixed by the recipe: an allocated id would depend on the order of installation.
struct User {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;  // a group of the same name is created with it
  std::string home = "/nonexistent";
  std::string shell = "/usr/sbin/nologin";
  std::string comment;
};

// A program compiled from source inside the locked compiler root. `sources` are paths relative to
// the top of the git repository that holds the recipe.
struct Component {
  struct Install {
    std::string from;  // relative to the build folder
    std::string to;    // "/usr/…" in the root, or "initrd:/init"
    unsigned mode = 0755;
  };
  std::string name;
  std::vector<std::string> sources;
  std::vector<std::vector<std::string>>
      commands;  // argv each; cwd is the build folder, source is /src
  std::vector<Install> install;
};

// A Debian source package of the image that is rebuilt with patches of ours.
struct Patched {
  std::string source;                          // name of the source package
  std::vector<std::filesystem::path> patches;  // absolute; patches/<source>/*.patch in byte order
};

// A tmpfs, always nosuid, nodev, noexec.
struct WritablePath {
  std::string path;
  unsigned mode = 0755;
  uint32_t size_mib = 0;
};

struct Kernel {
  std::string package;                      // linux-image-amd64, or a versioned one
  std::vector<std::string> command_line;    // one parameter each
  std::vector<std::string> modules;         // allow-list; dependencies are added by the build
  std::vector<std::string> initrd_modules;  // loaded by lethe-init before the root is mounted
  std::vector<std::string> load;            // loaded at boot before modules_disabled=1
  // Packages that are only looked into: for files that the modules ask for, and for microcode.
  std::vector<std::string> firmware;
  std::vector<std::string> firmware_missing_ok;  // patterns of files that no package has
  std::vector<std::string> microcode;
};

struct Recipe {
  std::filesystem::path directory;  // absolute
  std::string id;                   // IMAGE_ID: lower case, digits, '-'
  std::string name;                 // PRETTY_NAME without the version
  std::string architecture;         // "amd64"

  std::vector<std::string> suites;                 // "trixie", "trixie-updates", "trixie-security"
  std::vector<std::string> components_of_archive;  // "main", …
  std::vector<std::string> packages;               // in the image, with their dependencies
  std::vector<std::string> build_only;  // in the root while it is configured, removed after
  std::vector<std::string> tools;       // of the build root: mkfs.erofs, grub-mkimage, xorriso, …
  std::vector<std::string> compilers;   // of the compiler root
  std::vector<std::string> exclude;     // glob patterns (base/strings.h) of paths left out

  Kernel kernel;
  std::vector<FileEntry> files;
  std::vector<DirectoryEntry> directories;
  std::vector<LinkEntry> links;
  std::vector<User> users;
  std::string default_target;  // of systemd
  std::vector<std::string> units_enable;
  std::vector<std::string> units_mask;
  std::vector<std::pair<std::string, std::string>> sysctl;
  std::vector<Component> components;
  std::vector<Patched> patched;  // sorted by source
  std::vector<WritablePath> writable;
  uint32_t max_iso_mib = 0;
  uint32_t max_ram_mib = 0;
};

// Where an image carries the policy.toml beside the recipe.toml, where there is one. Its content is
// not judged here.
inline constexpr std::string_view kPolicyFile = "policy.toml";
inline constexpr std::string_view kImagePolicyPath = "/usr/lib/lethe/policy.toml";

// kNotFound where there is no recipe.toml; kMalformed with file, line and key for everything else.
Result<Recipe> LoadRecipe(const std::filesystem::path& directory);

}  // namespace lethe::recipe
