// The root of the image as a pure function: configured packages + kernel modules + components +
// recipe in, one normalised tree out. What differs between two builds of the same inputs is removed
// here.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/tree.h"
#include "recipe/recipe.h"

namespace lethe::image {

// What os-release says about the image.
struct ImageVersion {
  std::string version;  // IMAGE_VERSION: date of the commit and short hash, "-dirty" where it is
  std::string commit;   // BUILD_ID: full hash
  bool dirty = false;
  uint64_t epoch_unix_s = 0;  // commit time
};

struct ComposeInputs {
  Tree configured;           // ConfigureRoot's result
  std::vector<Tree> layers;  // kernel modules, components: put on top, in order
  const recipe::Recipe& recipe;
  ImageVersion version;
};

// kConflict for an unknown user, a unit that does not exist, a password that is not locked, paths
// that get in each other's way.
Result<Tree> ComposeRoot(ComposeInputs inputs);

// A folder of regular files and links on disk as a tree: owner root, modes 0755 for folders and
// executables, 0644 for the rest; all nodes belong to `package`.
Result<Tree> ImportFolder(const std::filesystem::path& folder, const std::string& package);

// The same for each folder in `folder`, which is named after its package, in byte order; none where
// it does not exist.
Result<std::vector<Tree>> ImportPackages(const std::filesystem::path& folder);

}  // namespace lethe::image
