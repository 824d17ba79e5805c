// lethe store status: what lies in the store, and how much of a recipe's needs is there.
// Exit codes: 0 ok (also when something is missing), 1 failure, 2 usage, 4 malformed lock.

#include <fmt/format.h>

#include <ctime>
#include <optional>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "image/store_set.h"
#include "image/store_upkeep.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string recipe;
  std::string lock;
  std::string store;
};

struct Need {
  std::vector<image::NeededObject> all;
  std::vector<image::NeededObject> missing;
};

uint64_t BytesOf(const std::vector<image::NeededObject>& objects) {
  uint64_t bytes = 0;
  for (const auto& object : objects) bytes += object.size;
  return bytes;
}

template <typename Stored>
uint64_t StoredBytes(const std::vector<Stored>& list) {
  uint64_t bytes = 0;
  for (const Stored& each : list) bytes += each.bytes;
  return bytes;
}

std::string Ago(int64_t unix_s) {
  constexpr int64_t kHour = 3600;
  const int64_t seconds = std::max<int64_t>(0, std::time(nullptr) - unix_s);
  if (seconds < kHour) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 48 * kHour) return fmt::format("{} h ago", seconds / kHour);
  return fmt::format("{} days ago", seconds / (24 * kHour));
}

json::Value NeedJson(const Need& need) {
  json::Array missing;
  for (const auto& object : need.missing) {
    missing.push_back(json::Object{
        {"name", object.name}, {"sha256", object.sha256.Hex()}, {"bytes", object.size}});
  }
  return json::Object{{"objects", need.all.size()},
                      {"bytes", BytesOf(need.all)},
                      {"present", need.all.size() - need.missing.size()},
                      {"missing", std::move(missing)}};
}

json::Value StatusJson(const image::Store& store, const image::StoreInventory& inventory,
                       const std::optional<Need>& need) {
  int64_t oldest = 0;
  for (const auto& object : inventory.objects) {
    if (oldest == 0 || object.used_unix_s < oldest) oldest = object.used_unix_s;
  }
  json::Array steps;
  for (const auto& step : inventory.steps) {
    steps.push_back(json::Object{{"name", step.name},
                                 {"bytes", step.bytes},
                                 {"used_unix_s", step.used_unix_s},
                                 {"sealed", step.sealed}});
  }
  return json::Object{{"store", store.directory().string()},
                      {"objects", json::Object{{"count", inventory.objects.size()},
                                               {"bytes", StoredBytes(inventory.objects)},
                                               {"oldest_use_unix_s", oldest}}},
                      {"step_bytes", StoredBytes(inventory.steps)},
                      {"steps", std::move(steps)},
                      {"foreign", inventory.foreign.size()},
                      {"leftovers", inventory.leftovers.size()},
                      {"recipe", need ? NeedJson(*need) : json::Value()}};
}

void Print(const image::Store& store, const image::StoreInventory& inventory,
           const std::optional<Need>& need) {
  fmt::print("{}\n  {:<9} {:>5}  {:>10}\n  {:<9} {:>5}  {:>10}\n", store.directory().string(),
             "objects", inventory.objects.size(), ReadableSize(StoredBytes(inventory.objects)),
             "results", inventory.steps.size(), ReadableSize(StoredBytes(inventory.steps)));
  for (const auto& step : inventory.steps) {
    const size_t dash = step.name.rfind('-');
    fmt::print("    {:<24} {:>10}  used {}{}\n", step.name.substr(0, dash + 9),
               ReadableSize(step.bytes), Ago(step.used_unix_s),
               step.sealed ? "" : "  (no seal: will be computed again)");
  }
  if (!inventory.foreign.empty())
    fmt::print("  {} files are no objects: see 'lethe store verify'\n", inventory.foreign.size());
  if (!inventory.leftovers.empty())
    fmt::print("  {} folders of dead builds: the next build removes them\n",
               inventory.leftovers.size());
  if (!need) return;
  fmt::print("  the lock needs {} files, {}; {} are here\n", need->all.size(),
             ReadableSize(BytesOf(need->all)), need->all.size() - need->missing.size());
  for (const auto& object : need->missing)
    fmt::print("    missing  {:<48} {:>10}\n", object.name, ReadableSize(object.size));
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto store = LETHE_TRY(OpenStore(options.store));
  const auto inventory = LETHE_TRY(image::TakeInventory(store));
  std::optional<Need> need;
  if (!options.recipe.empty() || !options.lock.empty()) {
    const auto lock = LETHE_TRY(ReadRecipeLock(options.recipe, options.lock));
    need.emplace();
    need->all = image::ObjectsOf(lock.lock);
    need->missing = image::MissingObjects(store, need->all);
  }
  if (global.json) {
    PrintJson(StatusJson(store, inventory, need));
  } else {
    Print(store, inventory, need);
  }
  return 0;
}

}  // namespace

Action DeclareStoreStatus(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("recipe", options->recipe, "folder with recipe.lock: what it needs");
  app.add_option("--lock", options->lock, "another lock than the recipe's");
  AddStoreOption(app, options->store);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
