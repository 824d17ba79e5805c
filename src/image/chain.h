// The steps of a build that the store keeps, each keyed by the digest of its inputs. Private to
// BuildImage.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/build.h"
#include "image/patched.h"
#include "image/store.h"
#include "image/tree.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"

namespace lethe::image {

// Hands reports of several threads to an observer one at a time.
class SharedObserver {
 public:
  explicit SharedObserver(BuildObserver& observer) : observer_(observer) {}
  void Started(const std::string& step);
  void Progress(const std::string& step, size_t done, size_t total);
  void Finished(const std::string& step, double seconds, bool cached);
  void Warning(const std::string& what);

 private:
  BuildObserver& observer_;
  std::mutex mutex_;
};

// Each function runs one step, or takes its result from the store, and returns the folder of the
// result. Safe to call from several threads, but for UnpackTools, which comes before Kernel and
// RootImage.
class Chain {
 public:
  // Everything named here must outlive the chain.
  Chain(const BuildOptions& options, const Store& store, StepCache& cache, BuildObserver& observer,
        const recipe::Recipe& recipe, const recipe::Lock& lock)
      : options_(options),
        store_(store),
        cache_(cache),
        observer_(observer),
        recipe_(recipe),
        lock_(lock) {}

  // The locked build root; `tools()` from then on.
  Status UnpackTools();
  const std::filesystem::path& tools() const { return tools_; }

  // ExtractKernel's folder, with indexes for modprobe.
  Result<std::filesystem::path> Kernel();
  // CollectFirmware's folder: what the modules of `kernel` (ExtractKernel's folder) ask for.
  Result<std::filesystem::path> Firmware(const std::filesystem::path& kernel);
  // CollectMicrocode's folder.
  Result<std::filesystem::path> Microcode();
  // BuildComponent's folder. `repository` is the top of the work tree.
  Result<std::filesystem::path> Component(const recipe::Component& component,
                                          const std::filesystem::path& repository);
  // The packages of the image that a patched source package builds.
  Result<std::vector<RebuiltPackage>> Rebuilt(const recipe::Patched& patched);
  // All packages of the image, unpacked and configured; `rebuilt` ones instead of the archive's.
  Result<Tree> ConfiguredRoot(const std::vector<RebuiltPackage>& rebuilt);
  // root.erofs of `tree`. `identity` gives the file system its UUID.
  Result<std::filesystem::path> RootImage(const Tree& tree, uint64_t epoch_unix_s,
                                          const crypto::Sha256Digest& identity);

  // Announces work whose result is not kept, runs it, and reports its time.
  template <typename Work>
  auto Uncached(const std::string& shown, Work work) -> decltype(work()) {
    observer_.Started(shown);
    const auto start = std::chrono::steady_clock::now();
    auto result = work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (result) observer_.Finished(shown, took.count(), false);
    return result;
  }
  SharedObserver& observer() { return observer_; }

 private:
  Result<std::filesystem::path> Step(
      const std::string& shown, const std::string& step, KeyBuilder key,
      const std::function<Status(const std::filesystem::path&)>& work);
  std::vector<PackageFile> Files(recipe::PackageSet set) const;
  std::vector<std::string> Digests(recipe::PackageSet set) const;
  Result<std::filesystem::path> BuildRoot(recipe::PackageSet set, const std::string& shown);
  std::function<void(size_t, size_t)> ProgressOf(const std::string& shown);

  const BuildOptions& options_;
  const Store& store_;
  StepCache& cache_;
  SharedObserver observer_;
  const recipe::Recipe& recipe_;
  const recipe::Lock& lock_;
  std::filesystem::path tools_;
};

}  // namespace lethe::image
