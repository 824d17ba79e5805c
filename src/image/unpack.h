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

// Unpacks into the empty folder `root` and lets the packages' maintainer scripts configure them,
// without network; SOURCE_DATE_EPOCH is `epoch_unix_s`. The files belong to the ids of the sandbox,
// so that only RemoveInstalled can remove them; on failure they are gone.
Status InstallPackages(const std::vector<PackageFile>& packages, const std::filesystem::path& root,
                       uint64_t epoch_unix_s, const UnpackWork& work);
Status RemoveInstalled(const std::filesystem::path& root);

// Installs and captures. `root` is an empty scratch folder that is gone afterwards; the result is
// two files in `output` (image/capture.h reads them).
Status ConfigureRoot(const std::vector<PackageFile>& packages, const std::filesystem::path& root,
                     const std::filesystem::path& output, uint64_t epoch_unix_s,
                     const UnpackWork& work);

}  // namespace lethe::image
