// The local store: every package that a build used, by its SHA-256, and the results of build steps,
// by the digest of their inputs. Both appear complete, by one rename, or not at all, and both are
// checked before they are used. Format: docs/formats/store.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "crypto/sha256.h"
#include "image/owned_dir.h"
#include "recipe/lock.h"

namespace lethe::image {

class Store {
 public:
  // Creates the folders that are missing. kIo where that is impossible.
  static Result<Store> Open(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path objects() const { return directory_ / "objects"; }
  std::filesystem::path steps() const { return directory_ / "steps"; }
  std::filesystem::path tmp() const { return directory_ / "tmp"; }
  std::filesystem::path ObjectPath(const crypto::Sha256Digest& digest) const;

  // Whoever reads or adds shares the store; whoever takes away has it alone. Waits for its turn.
  Result<FileLock> Use(LockMode mode = LockMode::kShared) const;
  // The same; nothing where others are in the way.
  Result<std::optional<FileLock>> TryUse(LockMode mode) const;

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
  // Told of objects whose bytes are wrong; called as `progress` is.
  std::function<void(const std::string&)> warn;
};

// True where the store has the right bytes, whose last use is now. Wrong bytes are removed, and
// `damaged` is set.
bool HaveObject(const std::filesystem::path& path, const crypto::Sha256Digest& expected,
                bool& damaged);

// Moves a complete file, whose digest was checked, to its place in the store. Its folder must be on
// the store's file system.
Status PutObject(const Store& store, const std::filesystem::path& file,
                 const crypto::Sha256Digest& digest);

// Makes sure that every file lies in the store with the right digest; what does not is fetched.
// Files that no source has are collected into one kUnavailable error that names them all.
// Any other failure (a wrong digest) is returned as it is.
Status EnsurePackages(const Store& store, const std::vector<recipe::NamedFile>& packages,
                      const PackageFetcher& fetch, const EnsureOptions& options);

// A step's result in the store: `result` and its `seal`. The time of the seal is that of the last
// use.
inline constexpr const char* kStepResult = "result";
inline constexpr const char* kStepSeal = "seal";

// Runs the steps of one build, or takes their results from the store. Results are sealed, and one
// that is not what its seal says is dropped and computed again.
class StepCache {
 public:
  // Shares the store as long as it lives. Without `reuse` every step is computed afresh in a
  // scratch folder that goes with this object.
  static Result<StepCache> Create(const Store& store, bool reuse);

  // Told of each result that was dropped, from any thread but never at the same time.
  void OnDamage(std::function<void(const std::string&)> warn);

  struct Outcome {
    std::filesystem::path path;  // a folder
    bool cached = false;
  };
  // `work` fills the empty folder that it is given. Safe to call from several threads; of several
  // calls for one result the first computes it.
  Result<Outcome> Run(const std::string& step, const crypto::Sha256Digest& key,
                      const std::function<Status(const std::filesystem::path&)>& work);

 private:
  struct Shared;
  StepCache(const Store& store, bool reuse, FileLock use, OwnedDir scratch);
  Result<bool> Reusable(const std::string& step, const std::filesystem::path& target);
  Status Compute(const std::string& step, const std::filesystem::path& target,
                 const std::function<Status(const std::filesystem::path&)>& work);
  Status Publish(const std::filesystem::path& made, const std::filesystem::path& target);
  Status Drop(const std::filesystem::path& target);

  bool reuse_;
  std::filesystem::path results_;
  FileLock use_;
  OwnedDir scratch_;
  std::shared_ptr<Shared> shared_;
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
