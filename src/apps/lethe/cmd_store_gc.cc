// lethe store gc: removes what nobody needs any more.
// Exit codes: 0 ok, 1 failure, 2 usage, 4 a lock of a kept recipe cannot be read, 5 the store is
// busy.

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "image/store_upkeep.h"

namespace lethe::cli {
namespace {

constexpr int64_t kDay = 24 * 3600;

struct Options {
  std::string store;
  std::vector<std::string> recipes;
  size_t commits = 10;
  int64_t keep_days = 30;
  int64_t keep_steps_days = 30;
  uint64_t max_steps_bytes = 0;
  bool limit_steps = false;
  bool dry_run = false;
  bool wait = false;
};

std::string_view KindName(image::GcKind kind) {
  switch (kind) {
    case image::GcKind::kObject:
      return "object";
    case image::GcKind::kStep:
      return "result";
    case image::GcKind::kLeftover:
      return "leftover";
  }
  return "";
}

Result<image::GcRules> RulesOf(const Options& options) {
  image::GcRules rules{.needed = {},
                       .keep_objects_s = options.keep_days * kDay,
                       .keep_steps_s = options.keep_steps_days * kDay,
                       .now_unix_s = std::time(nullptr)};
  if (options.limit_steps) rules.max_steps_bytes = options.max_steps_bytes;
  for (const std::string& recipe : options.recipes) {
    if (!rules.needed) rules.needed.emplace();
    rules.needed->merge(LETHE_TRY(NeededByHistory(recipe, options.commits)));
  }
  return rules;
}

// Alone with the store, or not at all. A dry run only looks.
Result<std::optional<FileLock>> Enter(const image::Store& store, const Options& options) {
  const LockMode mode = options.dry_run ? LockMode::kShared : LockMode::kExclusive;
  if (options.wait) return std::optional<FileLock>(LETHE_TRY(store.Use(mode)));
  auto entered = LETHE_TRY(store.TryUse(mode));
  if (entered) return entered;
  return Error{ErrorCode::kUnavailable, "the store " + store.directory().string() +
                                            " is busy: a build uses it ('--wait' waits for its "
                                            "end)"};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto store = LETHE_TRY(OpenStore(options.store));
  const auto rules = LETHE_TRY(RulesOf(options));
  const auto entered = LETHE_TRY(Enter(store, options));
  const auto inventory = LETHE_TRY(image::TakeInventory(store));
  const auto plan = image::PlanGc(store, inventory, rules);
  uint64_t bytes = 0;
  json::Array items;
  for (const auto& item : plan) {
    if (!options.dry_run) LETHE_TRY(image::RemoveItem(store, item));
    bytes += item.bytes;
    const std::string path = item.path.lexically_relative(store.directory()).string();
    if (!global.json)
      fmt::print("  {:<8} {:>10}  {}  ({})\n", KindName(item.kind), ReadableSize(item.bytes), path,
                 item.why);
    items.push_back(json::Object{
        {"kind", KindName(item.kind)}, {"path", path}, {"bytes", item.bytes}, {"why", item.why}});
  }
  if (global.json) {
    PrintJson(json::Object{{"store", store.directory().string()},
                           {"dry_run", options.dry_run},
                           {"bytes", bytes},
                           {"items", std::move(items)}});
    return 0;
  }
  fmt::print("{} {} items, {}\n", options.dry_run ? "would remove" : "removed", plan.size(),
             ReadableSize(bytes));
  if (!rules.needed)
    fmt::print("objects stay as long as no '--keep-recipe' says which of them are needed\n");
  return 0;
}

}  // namespace

Action DeclareStoreGc(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.footer(
      "Objects go only when '--keep-recipe' names the recipes whose locks say what is needed: "
      "those\n"
      "of the work tree, of the last commits that changed the recipe, and of every tag.\n"
      "  lethe store gc --keep-recipe recipes/vpn-server --dry-run");
  app.add_option("--keep-recipe", options->recipes,
                 "folder of a recipe whose locks are kept; may be given several times");
  app.add_option("--keep-commits", options->commits, "how many commits of each recipe are kept")
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000));
  app.add_option("--keep-days", options->keep_days, "objects used within so many days stay")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  app.add_option("--keep-steps-days", options->keep_steps_days,
                 "results of steps used within so many days stay")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  CLI::Option* limit =
      app.add_option("--max-steps-size", options->max_steps_bytes,
                     "room for results of steps, as 500M or 2G: the last used stay")
          ->transform(CLI::AsSizeValue(false));
  app.add_flag("--dry-run", options->dry_run, "only say what would go");
  app.add_flag("--wait", options->wait, "wait until no build uses the store");
  AddStoreOption(app, options->store);
  return [options, limit, &global] {
    options->limit_steps = limit->count() > 0;
    return Run(*options, global);
  };
}

}  // namespace lethe::cli
