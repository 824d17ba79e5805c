// From a recipe to an ISO: the chain of steps, each keyed by the digest of its inputs.
//   packages → build roots → components → configured root → root tree → root image → initrd → ISO
// and, from the same kernel, initrd and command line, the unified kernel image (UKI).
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image/manifest.h"
#include "image/store.h"

namespace lethe::image {

// Told about the chain while it runs. Several steps may be under way, but calls come one at a time.
class BuildObserver {
 public:
  virtual ~BuildObserver() = default;
  virtual void StepStarted(const std::string& step) = 0;
  virtual void StepProgress(const std::string& step, size_t done, size_t total) = 0;
  virtual void StepFinished(const std::string& step, double seconds, bool cached) = 0;
  // Something was wrong and was put right: a damaged object or result in the store.
  virtual void Warning(const std::string& what) = 0;
};

struct BuildOptions {
  std::filesystem::path recipe;  // folder
  std::filesystem::path lock;    // empty: recipe.lock of the recipe
  std::filesystem::path output;  // folder for the results, created when missing
  unsigned jobs = 2;
  bool reuse = true;  // take results of steps from the store
};

struct BuildResult {
  std::filesystem::path iso;
  std::filesystem::path uki;
  std::filesystem::path manifest_file;
  std::filesystem::path sbom_file;
  crypto::Sha256Digest iso_sha256;
  uint64_t iso_bytes = 0;
  uint64_t uki_bytes = 0;
  uint64_t root_image_bytes = 0;
  uint64_t initrd_bytes = 0;
  Manifest manifest;
};

// The chain's steps with the numbers that tell what they make of their inputs, in byte order:
// "buildroot-1 component-1 …". Programs that agree in it make the same image of the same commit.
std::string BuilderSteps();

// Besides the errors of the steps: kConflict where the ISO is larger than the recipe's budget.
// Results appear in `output` under their final names only when all of them are complete.
Result<BuildResult> BuildImage(const BuildOptions& options, const Store& store,
                               const PackageFetcher& fetch, BuildObserver& observer);

}  // namespace lethe::image
