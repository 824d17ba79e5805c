// The local store: every package that a build used, by its SHA-256, and the results of build steps,
// by the digest of their inputs. A result appears by one rename or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "crypto/sha256.h"
#include "recipe/lock.h"

namespace lethe::image {

class Store {
 public:
  // Creates the folders that are missing. kIo where that is impossible.
  static Result<Store> Open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path ObjectPath(const crypto::Sha256Digest& digest) const;
  std::filesystem::path tmp() const { return directory_ / "tmp"; }
  std::filesystem::path StepPath(const std::string& step, const crypto::Sha256Digest& key) const;

 private:
  explicit Store(std::filesystem::path directory) : directory_(std::move(directory)) {}
  std::filesystem::path directory_;
};

// Fetches one locked file to a new file `to`; must check size and digest.
using PackageFetcher =
    std::function<Status(const recipe::LockedFile&, const std::filesystem::path& to)>;

struct EnsureOptions {
  unsigned jobs = 2;
  // Called after each package, from any thread but never at the same time.
  std::function<void(size_t done, size_t total)> progress;
};

// Makes sure that every file lies in the store with the right digest; what does not is fetched.
// Files that no source has are collected into one kUnavailable error that names them all.
// Any other failure (a wrong digest) is returned as it is.
Status EnsurePackages(const Store& store, const std::vector<recipe::NamedFile>& packages,
                      const PackageFetcher& fetch, const EnsureOptions& options);

// Runs the steps of one build, or takes their results from the store.
class StepCache {
 public:
  // Without `reuse` every step is computed afresh in a scratch folder that goes with this object.
  static Result<StepCache> Create(const Store& store, bool reuse);

  struct Outcome {
    std::filesystem::path path;  // a folder
    bool cached = false;
  };
  // `work` fills the empty folder that it is given.
  Result<Outcome> Run(const std::string& step, const crypto::Sha256Digest& key,
                      const std::function<Status(const std::filesystem::path&)>& work);

 private:
  StepCache(const Store& store, std::optional<ScratchDir> fresh)
      : store_(&store), fresh_(std::move(fresh)) {}
  const Store* store_;
  std::optional<ScratchDir> fresh_;
};

// Digest over named inputs, unambiguous by length prefixes.
class KeyBuilder {
 public:
  explicit KeyBuilder(std::string_view step) { Add("step", step); }
  KeyBuilder& Add(std::string_view name, std::string_view value);
  KeyBuilder& Add(std::string_view name, const crypto::Sha256Digest& digest);
  KeyBuilder& Add(std::string_view name, const std::vector<std::string>& values);
  crypto::Sha256Digest Finish() { return hash_.Finish(); }

 private:
  crypto::Sha256 hash_;
};

}  // namespace lethe::image
