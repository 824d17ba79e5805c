// lethe store verify: reads everything in the store and names what is damaged.
// Exit codes: 0 all is whole, or was put right by --repair; 1 failure, 2 usage, 3 damage, 5 busy.

#include <fmt/format.h>

#include <optional>
#include <thread>

#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "image/store_upkeep.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string store;
  bool repair = false;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto store = LETHE_TRY(OpenStore(options.store));
  const auto entered =
      LETHE_TRY(store.TryUse(options.repair ? LockMode::kExclusive : LockMode::kShared));
  if (!entered) {
    return Error{ErrorCode::kUnavailable,
                 "the store " + store.directory().string() + " is busy: a build uses it"};
  }
  const auto check =
      LETHE_TRY(image::CheckStore(store, options.jobs, TerminalProgress("verifying")));
  json::Array damaged;
  for (const auto& damage : check.damaged) {
    if (options.repair)
      LETHE_TRY(image::RemoveItem(store, {image::GcKind::kObject, damage.path, 0, {}}));
    const std::string path = damage.path.lexically_relative(store.directory()).string();
    damaged.push_back(json::Object{{"path", path}, {"what", damage.what}});
    if (!global.json) fmt::print(stderr, "{}: {}\n", path, damage.what);
  }
  const bool whole = check.damaged.empty() || options.repair;
  if (global.json) {
    PrintJson(json::Object{{"store", store.directory().string()},
                           {"objects", check.objects},
                           {"results", check.steps},
                           {"damaged", std::move(damaged)},
                           {"repaired", options.repair}});
  } else if (check.damaged.empty()) {
    fmt::print("ok: {} objects, {} results of steps\n", check.objects, check.steps);
  } else if (options.repair) {
    fmt::print("removed {} damaged: the next build gets or computes them again\n",
               check.damaged.size());
  } else {
    fmt::print(stderr, "{} damaged: '--repair' removes them\n", check.damaged.size());
  }
  return whole ? 0 : ExitCode(ErrorCode::kUntrusted);
}

}  // namespace

Action DeclareStoreVerify(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_flag("--repair", options->repair,
               "remove what is damaged: it is fetched or computed again when it is needed");
  app.add_option("--jobs", options->jobs, "parallel work")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  AddStoreOption(app, options->store);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
