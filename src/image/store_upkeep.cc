#include "image/store_upkeep.h"

#include <sys/stat.h>

#include <algorithm>
#include <mutex>

#include "base/file.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "image/set_layout.h"
#include "image/step_seal.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

uint64_t TreeBytes(const fs::path& path) {
  uint64_t bytes = 0;
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto it = fs::recursive_directory_iterator(path, options, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
      bytes += static_cast<uint64_t>(info.st_size);
  }
  return bytes;
}

Result<std::vector<fs::path>> EntriesOf(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  auto it = fs::directory_iterator(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) out.push_back(it->path());
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  std::sort(out.begin(), out.end());
  return out;
}

Status AddObject(const Store& store, const fs::path& path, StoreInventory& inventory) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return IoError("reading", path);
  const auto digest = DigestOfName(fs::relative(path, store.directory()).string());
  if (!digest || !S_ISREG(info.st_mode)) {
    inventory.foreign.push_back(path);
  } else {
    inventory.objects.push_back(
        {*digest, static_cast<uint64_t>(info.st_size), static_cast<int64_t>(info.st_mtime)});
  }
  return {};
}

StoredStep DescribeStep(const fs::path& path) {
  StoredStep step{.name = path.filename().string()};
  const auto bytes = SealedBytes(path / kStepSeal);
  step.sealed = bytes.has_value();
  step.bytes = bytes ? *bytes : TreeBytes(path);
  struct stat info {};
  const fs::path stamp = bytes ? path / kStepSeal : path;
  if (::lstat(stamp.c_str(), &info) == 0) step.used_unix_s = info.st_mtime;
  return step;
}

// The results that stay by age, the last used first, until there is no more room.
void PlanSteps(const Store& store, std::vector<StoredStep> steps, const GcRules& rules,
               std::vector<GcItem>& plan) {
  std::stable_sort(steps.begin(), steps.end(), [](const StoredStep& a, const StoredStep& b) {
    return a.used_unix_s > b.used_unix_s;
  });
  uint64_t kept = 0;
  for (const StoredStep& step : steps) {
    std::string why;
    if (!step.sealed) {
      why = "has no seal";
    } else if (rules.now_unix_s - step.used_unix_s > rules.keep_steps_s) {
      why = "not used for long";
    } else if (rules.max_steps_bytes && step.bytes > *rules.max_steps_bytes - kept) {
      why = "no room";
    } else {
      kept += step.bytes;
      continue;
    }
    plan.push_back({GcKind::kStep, store.steps() / step.name, step.bytes, why});
  }
}

}  // namespace

Result<StoreInventory> TakeInventory(const Store& store) {
  StoreInventory inventory;
  for (const fs::path& shard : LETHE_TRY(EntriesOf(store.objects()))) {
    std::error_code error;
    if (!fs::is_directory(fs::symlink_status(shard, error))) {
      inventory.foreign.push_back(shard);
      continue;
    }
    for (const fs::path& path : LETHE_TRY(EntriesOf(shard)))
      LETHE_TRY(AddObject(store, path, inventory));
  }
  for (const fs::path& path : LETHE_TRY(EntriesOf(store.steps())))
    inventory.steps.push_back(DescribeStep(path));
  inventory.leftovers = FindAbandoned(store.tmp(), "");
  return inventory;
}

std::vector<GcItem> PlanGc(const Store& store, const StoreInventory& inventory,
                           const GcRules& rules) {
  std::vector<GcItem> plan;
  for (const StoredObject& object : inventory.objects) {
    if (!rules.needed || rules.needed->contains(object.sha256)) continue;
    if (rules.now_unix_s - object.used_unix_s <= rules.keep_objects_s) continue;
    plan.push_back({GcKind::kObject, store.ObjectPath(object.sha256), object.bytes,
                    "no lock that is kept needs it"});
  }
  PlanSteps(store, inventory.steps, rules, plan);
  for (const fs::path& path : inventory.leftovers)
    plan.push_back({GcKind::kLeftover, path, TreeBytes(path), "its build is dead"});
  return plan;
}

Status RemoveItem(const Store& store, const GcItem& item) {
  if (item.kind == GcKind::kLeftover) {
    RemoveAbandoned(item.path.parent_path(), item.path.filename().string());
    return {};
  }
  const OwnedDir scratch = LETHE_TRY(OwnedDir::Create(store.tmp(), "gc-"));
  const fs::path moved = scratch.path() / "item";
  if (::rename(item.path.c_str(), moved.c_str()) != 0) return IoError("removing", item.path);
  return RemoveTree(moved);
}

Result<StoreCheck> CheckStore(const Store& store, unsigned jobs,
                              const std::function<void(size_t done, size_t total)>& progress) {
  const auto inventory = LETHE_TRY(TakeInventory(store));
  StoreCheck check{inventory.objects.size(), inventory.steps.size(), {}};
  for (const fs::path& path : inventory.foreign)
    check.damaged.push_back({path, "no object: its name is not a SHA-256"});
  std::mutex mutex;
  size_t done = 0;
  const size_t total = check.objects + check.steps;
  const auto found = [&](const fs::path& path, const Status& status) {
    const std::lock_guard lock(mutex);
    if (!status) check.damaged.push_back({path, status.error().message});
    ++done;
    if (progress) progress(done, total);
  };
  LETHE_TRY(ParallelFor(check.objects, jobs, [&](size_t i) -> Status {
    const StoredObject& object = inventory.objects[i];
    const fs::path path = store.ObjectPath(object.sha256);
    const auto digest = crypto::Sha256OfFile(path);
    const bool right = digest && *digest == object.sha256;
    found(path, right ? Status() : Status(Error{ErrorCode::kUntrusted, "has other bytes"}));
    return {};
  }));
  for (const StoredStep& step : inventory.steps) {  // each in parallel by itself
    const fs::path path = store.steps() / step.name;
    found(path, CheckSeal(path / kStepResult, path / kStepSeal, jobs));
  }
  std::sort(check.damaged.begin(), check.damaged.end(),
            [](const StoreDamage& a, const StoreDamage& b) { return a.path < b.path; });
  return check;
}

}  // namespace lethe::image
