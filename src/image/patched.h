// Debian source packages rebuilt with patches of the recipe, as Debian builds them: unpacked afresh
// in a root with their build dependencies, patched, built by dpkg-buildpackage without a network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"
#include "image/unpack.h"

namespace lethe::image {

struct SourceFile {
  std::string name;  // as the .dsc names it
  std::filesystem::path file;
};

struct PatchedBuild {
  std::string source;
  std::vector<SourceFile> files;  // the .dsc first
  std::vector<std::filesystem::path> patches;
  std::string version_suffix;       // appended to the version of the source package
  std::vector<std::string> wanted;  // binary packages
  bool indep = false;               // some of them are for "all" architectures
  std::vector<PackageFile> build_depends;
  uint64_t epoch_unix_s = 0;  // seen by maintainer scripts; the build sees the changelog's date
  UnpackWork work;
};

// Tells which patches a version was built with: "+lethe." and eight digits of a digest over names
// and contents.
Result<std::string> PatchSuffix(const std::vector<std::filesystem::path>& patches);

// Writes <package>.deb for each wanted package to the folder `output`; `root` is an empty scratch
// folder that is gone afterwards. kConflict for a patch that does not apply without fuzz (named),
// and where a wanted package was not built; kIo with the build's last words where it fails.
Status BuildPatched(const PatchedBuild& build, const std::filesystem::path& root,
                    const std::filesystem::path& output);

struct RebuiltPackage {
  std::string name;
  std::string architecture;
  std::string version;
  crypto::Sha256Digest sha256;
  std::filesystem::path deb;
  std::vector<std::string> patches;  // "<file name> (sha256 <digest>)"
};

// What BuildPatched wrote to `output`, sorted by name.
Result<std::vector<RebuiltPackage>> ReadRebuilt(const std::filesystem::path& output);

}  // namespace lethe::image
