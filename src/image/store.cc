#include "image/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/parallel.h"
#include "image/step_seal.h"

namespace lethe::image {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUseFile = "lock";
constexpr std::string_view kBuildPrefix = "build-";
constexpr unsigned kMaxHashJobs = 8;

unsigned HashJobs() { return std::clamp(std::thread::hardware_concurrency(), 1U, kMaxHashJobs); }

void MarkUsed(const fs::path& path) { (void)::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); }

}  // namespace

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

Result<FileLock> Store::Use(LockMode mode) const {
  return FileLock::Acquire(directory_ / kUseFile, mode);
}

Result<std::optional<FileLock>> Store::TryUse(LockMode mode) const {
  return FileLock::TryAcquire(directory_ / kUseFile, mode);
}

bool HaveObject(const fs::path& path, const crypto::Sha256Digest& expected, bool& damaged) {
  const auto digest = crypto::Sha256OfFile(path);
  if (!digest) return false;
  damaged = *digest != expected;
  if (damaged) {
    (void)RemoveTree(path);
  } else {
    MarkUsed(path);
  }
  return !damaged;
}

Status PutObject(const Store& store, const fs::path& file, const crypto::Sha256Digest& digest) {
  const fs::path path = store.ObjectPath(digest);
  LETHE_TRY(MakeDirectories(path.parent_path()));
  LETHE_TRY(SyncPath(file));
  return RenameDurably(file, path);
}

Status EnsurePackages(const Store& store, const std::vector<recipe::NamedFile>& packages,
                      const PackageFetcher& fetch, const EnsureOptions& options) {
  std::mutex mutex;
  size_t done = 0;
  std::vector<std::string> gone;
  const OwnedDir scratch = LETHE_TRY(OwnedDir::Create(store.tmp(), "fetch-"));
  const auto ensure = [&](size_t i) -> Status {
    const recipe::LockedFile& locked = packages[i].file;
    const fs::path path = store.ObjectPath(locked.sha256);
    bool damaged = false;
    if (!HaveObject(path, locked.sha256, damaged)) {
      if (damaged && options.warn) {
        const std::lock_guard lock(mutex);
        options.warn("the store's " + packages[i].name + " was damaged: getting it again");
      }
      const fs::path file = scratch.path() / locked.sha256.Hex();
      Status fetched = fetch(locked, file);
      if (!fetched && fetched.error().code == ErrorCode::kNotFound) {
        const std::lock_guard lock(mutex);
        gone.push_back(packages[i].name);
        return {};
      }
      LETHE_TRY(std::move(fetched));
      if (!HaveObject(file, locked.sha256, damaged)) {
        return Error{ErrorCode::kUntrusted, "package " + packages[i].name +
                                                ": its SHA-256 is not the locked " +
                                                locked.sha256.Hex()};
      }
      LETHE_TRY(PutObject(store, file, locked.sha256));
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
                   " pinned packages are gone from every source (store, peers, mirrors); "
                   "'lethe store import' or '--peer' takes them from another store, "
                   "'lethe recipe lock' pins the current ones:" +
                   names};
}

struct StepCache::Shared {
  std::mutex mutex;
  std::map<std::string, std::mutex> turns;  // per result: one thread at a time
  std::set<std::string> trusted;            // computed or checked by this build
  std::mutex warn_mutex;
  std::function<void(const std::string&)> warn;

  std::mutex& TurnOf(const std::string& name) {
    const std::lock_guard lock(mutex);
    return turns[name];
  }
  bool Trusts(const std::string& name) {
    const std::lock_guard lock(mutex);
    return trusted.contains(name);
  }
  void Trust(const std::string& name) {
    const std::lock_guard lock(mutex);
    trusted.insert(name);
  }
  void Warn(const std::string& what) {
    const std::lock_guard lock(warn_mutex);
    if (warn) warn(what);
  }
};

StepCache::StepCache(const Store& store, bool reuse, FileLock use, OwnedDir scratch)
    : reuse_(reuse),
      results_(reuse ? store.steps() : scratch.path() / "fresh"),
      use_(std::move(use)),
      scratch_(std::move(scratch)),
      shared_(std::make_shared<Shared>()) {}

Result<StepCache> StepCache::Create(const Store& store, bool reuse) {
  FileLock use = LETHE_TRY(store.Use());
  StepCache cache(store, reuse, std::move(use),
                  LETHE_TRY(OwnedDir::Create(store.tmp(), kBuildPrefix)));
  LETHE_TRY(MakeDirectories(cache.results_));
  return cache;
}

void StepCache::OnDamage(std::function<void(const std::string&)> warn) {
  shared_->warn = std::move(warn);
}

Result<StepCache::Outcome> StepCache::Run(const std::string& step, const crypto::Sha256Digest& key,
                                          const std::function<Status(const fs::path&)>& work) {
  const std::string name = step + "-" + key.Hex();
  const fs::path target = results_ / name;
  const std::lock_guard turn(shared_->TurnOf(name));
  bool cached = shared_->Trusts(name);
  if (!cached) cached = LETHE_TRY(Reusable(step, target));
  if (!cached) LETHE_TRY(Compute(step, target, work));
  shared_->Trust(name);
  return Outcome{target / kStepResult, cached};
}

Result<bool> StepCache::Reusable(const std::string& step, const fs::path& target) {
  std::error_code error;
  if (!reuse_ || !fs::exists(target, error)) return false;
  const Status sealed = CheckSeal(target / kStepResult, target / kStepSeal, HashJobs());
  if (sealed) {
    MarkUsed(target / kStepSeal);
    return true;
  }
  shared_->Warn("the store's result of step " + step + " is damaged (" + sealed.error().message +
                "): computing it again");
  LETHE_TRY(Drop(target));
  return false;
}

Status StepCache::Compute(const std::string& step, const fs::path& target,
                          const std::function<Status(const fs::path&)>& work) {
  const ScratchDir made = LETHE_TRY(ScratchDir::Create(scratch_.path(), step + "-"));
  std::error_code error;
  fs::permissions(made.path(), fs::perms(0755), error);
  LETHE_TRY(MakeDirectories(made.path() / kStepResult));
  fs::permissions(made.path() / kStepResult, fs::perms(0755), error);
  // Errors speak of paths inside of the result; where it lies says whose disk is full.
  LETHE_TRY_IN(work(made.path() / kStepResult), "step " + step + " in " + made.path().string());
  if (reuse_) {
    LETHE_TRY(SealFolder(made.path() / kStepResult, made.path() / kStepSeal, HashJobs()));
    LETHE_TRY(SyncFileSystem(made.path()));
  }
  return Publish(made.path(), target);
}

// Where another build was first with the same result, that one is taken, if it is whole.
Status StepCache::Publish(const fs::path& made, const fs::path& target) {
  while (true) {
    const Status renamed = RenameDurably(made, target);
    std::error_code error;
    if (renamed || !fs::exists(target, error)) return renamed;
    if (CheckSeal(target / kStepResult, target / kStepSeal, HashJobs())) return {};
    LETHE_TRY(Drop(target));
  }
}

// In two moves, so that nobody sees half of it.
Status StepCache::Drop(const fs::path& target) {
  const ScratchDir dropped = LETHE_TRY(ScratchDir::Create(scratch_.path(), "dropped-"));
  if (::rename(target.c_str(), (dropped.path() / "step").c_str()) != 0 && errno != ENOENT) {
    return IoError("dropping", target);
  }
  return {};
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
