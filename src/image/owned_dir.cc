#include "image/owned_dir.h"

#include <chrono>

#include "image/sandbox.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnerFile = ".owner";
constexpr auto kUnlockedGrace = std::chrono::hours(24);

struct Abandoned {
  fs::path path;
  std::optional<FileLock> lock;  // keeps a second cleaner away
};

std::optional<Abandoned> AsAbandoned(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / kOwnerFile, error)) {
    auto lock = FileLock::TryAcquire(path / kOwnerFile);
    if (!lock || !*lock) return {};
    return Abandoned{path, std::move(*lock)};
  }
  const auto changed = fs::last_write_time(path, error);
  if (error || changed > fs::file_time_type::clock::now() - kUnlockedGrace) return {};
  return Abandoned{path, std::nullopt};
}

std::vector<Abandoned> LockAbandoned(const fs::path& parent, std::string_view prefix) {
  std::vector<Abandoned> found;
  std::error_code error;
  for (auto it = fs::directory_iterator(parent, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    std::error_code ignored;
    if (!it->path().filename().string().starts_with(prefix)) continue;
    if (!it->is_directory(ignored) || it->is_symlink(ignored)) continue;
    if (auto abandoned = AsAbandoned(it->path())) found.push_back(std::move(*abandoned));
  }
  return found;
}

}  // namespace

Result<OwnedDir> OwnedDir::Create(const fs::path& parent, std::string_view prefix) {
  RemoveAbandoned(parent, prefix);
  ScratchDir directory = LETHE_TRY(ScratchDir::Create(parent, prefix));
  FileLock lock = LETHE_TRY(FileLock::Acquire(directory.path() / kOwnerFile));
  return OwnedDir(std::move(directory), std::move(lock));
}

std::vector<fs::path> FindAbandoned(const fs::path& parent, std::string_view prefix) {
  std::vector<fs::path> out;
  for (const Abandoned& each : LockAbandoned(parent, prefix)) out.push_back(each.path);
  return out;
}

void RemoveAbandoned(const fs::path& parent, std::string_view prefix) {
  for (const Abandoned& each : LockAbandoned(parent, prefix)) {
    if (!RemoveTree(each.path)) (void)RunAsFakeRoot([&] { return RemoveTree(each.path); });
  }
}

}  // namespace lethe::image
