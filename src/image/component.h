// Programs compiled from source inside the locked compiler root, away from the host and the
// network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "recipe/recipe.h"

namespace lethe::image {

struct ComponentBuild {
  const recipe::Component& component;
  std::filesystem::path compiler_root;
  std::filesystem::path repository;  // top of the work tree
  std::vector<std::string> files;    // of the component, relative to `repository`
};

// Copies the sources to a fresh folder (a used one could leak the last build into this one), runs
// the commands and writes to the existing empty folder `output`: root/… and initrd/… with what the
// component installs. kIo with the compiler's last words where a command fails.
Status BuildComponent(const ComponentBuild& build, const std::filesystem::path& output);

}  // namespace lethe::image
