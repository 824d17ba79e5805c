#include "image/store.h"

#include <algorithm>
#include <mutex>

#include "base/parallel.h"

namespace lethe::image {

namespace fs = std::filesystem;

Result<Store> Store::Open(const fs::path& directory) {
  LETHE_TRY(MakeDirectories(directory / "objects"));
  LETHE_TRY(MakeDirectories(directory / "steps"));
  LETHE_TRY(MakeDirectories(directory / "tmp"));
  std::error_code error;
  fs::path absolute = fs::canonical(directory, error);
  if (error)
    return Error{ErrorCode::kIo,
                 "opening the store " + directory.string() + ": " + error.message()};
  return Store(std::move(absolute));
}

fs::path Store::ObjectPath(const crypto::Sha256Digest& digest) const {
  const std::string hex = digest.Hex();
  return directory_ / "objects" / hex.substr(0, 2) / hex;
}

fs::path Store::StepPath(const std::string& step, const crypto::Sha256Digest& key) const {
  return directory_ / "steps" / (step + "-" + key.Hex().substr(0, 32));
}

namespace {

// True where the store has the right bytes; wrong bytes are removed.
bool HaveObject(const fs::path& path, const crypto::Sha256Digest& expected) {
  const auto digest = crypto::Sha256OfFile(path);
  if (digest && *digest == expected) return true;
  if (digest) (void)RemoveTree(path);
  return false;
}

}  // namespace

Status EnsurePackages(const Store& store, const std::vector<recipe::NamedFile>& packages,
                      const PackageFetcher& fetch, const EnsureOptions& options) {
  std::mutex mutex;
  size_t done = 0;
  std::vector<std::string> gone;
  const auto ensure = [&](size_t i) -> Status {
    const recipe::LockedFile& locked = packages[i].file;
    const fs::path path = store.ObjectPath(locked.sha256);
    if (!HaveObject(path, locked.sha256)) {
      LETHE_TRY(MakeDirectories(path.parent_path()));
      const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(store.tmp(), "fetch-"));
      const fs::path file = scratch.path() / "package.deb";
      Status fetched = fetch(locked, file);
      if (!fetched && fetched.error().code == ErrorCode::kNotFound) {
        const std::lock_guard lock(mutex);
        gone.push_back(packages[i].name);
        return {};
      }
      LETHE_TRY(std::move(fetched));
      if (!HaveObject(file, locked.sha256)) {
        return Error{ErrorCode::kUntrusted, "package " + packages[i].name +
                                                ": its SHA-256 is not the locked " +
                                                locked.sha256.Hex()};
      }
      std::error_code error;
      fs::rename(file, path, error);
      if (error) return Error{ErrorCode::kIo, "storing " + path.string() + ": " + error.message()};
    }
    const std::lock_guard lock(mutex);
    ++done;
    if (options.progress) options.progress(done, packages.size());
    return {};
  };
  LETHE_TRY(ParallelFor(packages.size(), options.jobs, ensure));
  if (gone.empty()) return {};
  std::sort(gone.begin(), gone.end());
  std::string names;
  for (const std::string& name : gone) names += "\n  " + name;
  return Error{ErrorCode::kUnavailable,
               std::to_string(gone.size()) +
                   " pinned packages are gone from every source (store, mirrors); "
                   "'lethe recipe lock' pins the current ones:" +
                   names};
}

Result<StepCache> StepCache::Create(const Store& store, bool reuse) {
  if (reuse) return StepCache(store, std::nullopt);
  return StepCache(store, LETHE_TRY(ScratchDir::Create(store.tmp(), "fresh-")));
}

Result<StepCache::Outcome> StepCache::Run(const std::string& step, const crypto::Sha256Digest& key,
                                          const std::function<Status(const fs::path&)>& work) {
  const fs::path target =
      fresh_ ? fresh_->path() / (step + "-" + key.Hex().substr(0, 8)) : store_->StepPath(step, key);
  std::error_code error;
  if (fs::exists(target, error)) return Outcome{target, true};
  ScratchDir scratch = LETHE_TRY(ScratchDir::Create(store_->tmp(), step + "-"));
  fs::permissions(scratch.path(), fs::perms(0755), error);
  LETHE_TRY_IN(work(scratch.path()), "step " + step);
  fs::rename(scratch.path(), target, error);
  if (!error) {
    scratch.Release();
  } else if (!fs::exists(target)) {  // else another build was first: its result is the same
    return Error{ErrorCode::kIo, "storing " + target.string() + ": " + error.message()};
  }
  return Outcome{target, false};
}

KeyBuilder& KeyBuilder::Add(std::string_view name, std::string_view value) {
  hash_.Update(std::to_string(name.size()) + ":");
  hash_.Update(name);
  hash_.Update(std::to_string(value.size()) + ":");
  hash_.Update(value);
  return *this;
}

KeyBuilder& KeyBuilder::Add(std::string_view name, const crypto::Sha256Digest& digest) {
  return Add(name, digest.Hex());
}

KeyBuilder& KeyBuilder::Add(std::string_view name, const std::vector<std::string>& values) {
  Add(name, std::to_string(values.size()));
  for (const std::string& value : values) Add("-", value);
  return *this;
}

}  // namespace lethe::image
