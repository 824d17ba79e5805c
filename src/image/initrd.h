// The initrd: microcode, lethe-init, the modules that it needs, the writable paths and the root
// image. Format: docs/formats/initrd.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/manifest.h"
#include "image/microcode.h"
#include "recipe/recipe.h"

namespace lethe::image {

struct InitrdModule {
  std::string name;  // file name, "erofs.ko"
  std::string bytes;
};

struct InitrdInputs {
  std::string init;                   // the program's bytes
  std::vector<InitrdModule> modules;  // in loading order
  std::vector<recipe::WritablePath> writable;
  MicrocodeFiles microcode;
  std::filesystem::path root_image;
};

// Writes the archives and returns what is in it, sorted by path.
Result<std::vector<ManifestBlob>> WriteInitrd(const InitrdInputs& inputs,
                                              const std::filesystem::path& output);

}  // namespace lethe::image
