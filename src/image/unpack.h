// Folders made of packages: the build roots (only unpacked) and the image's root (unpacked, then
// configured by the packages' own scripts, then captured as a Tree).
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace lethe::image {

struct PackageFile {
  std::string name;
  std::string architecture;
  std::filesystem::path deb;
};

struct UnpackWork {
  unsigned jobs = 2;
  // Called after each package, from any thread but never at the same time; may be empty.
  std::function<void(size_t done, size_t total)> progress;
};

// Unpacks into an existing empty folder, in parallel; owned by the caller. Documentation is left
// out: nothing that runs in a build root reads it.
Status UnpackBuildRoot(const std::vector<PackageFile>& packages, const std::filesystem::path& root,
                       const UnpackWork& work);

// Unpacks, configures and captures. `work` is an empty scratch folder that is left empty; the
// result is two files in `output` (image/capture.h reads them). Packages are configured by their
// maintainer scripts without network; SOURCE_DATE_EPOCH is `epoch_unix_s`.
Status ConfigureRoot(const std::vector<PackageFile>& packages, const std::filesystem::path& work,
                     const std::filesystem::path& output, uint64_t epoch_unix_s, unsigned jobs);

}  // namespace lethe::image
