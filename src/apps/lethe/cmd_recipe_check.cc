// lethe recipe check: reads a recipe and its lock and says what they make.
// Exit codes: 0 ok, 1 no recipe or a lock that does not fit, 3 a weak policy, 4 malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string directory = ".";
  bool need_lock = false;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto recipe = LETHE_TRY(recipe::LoadRecipe(options.directory));
  LETHE_TRY(CheckRecipePolicy(options.directory));
  auto lock = recipe::LoadLock(recipe.directory / "recipe.lock", recipe);
  const bool no_lock = !lock && lock.error().code == ErrorCode::kNotFound && !options.need_lock;
  if (!lock && !no_lock) return std::move(lock).error();
  const size_t locked = lock ? lock->packages.size() : 0;
  if (global.json) {
    PrintJson(json::Object{{"id", recipe.id},
                           {"name", recipe.name},
                           {"kernel", recipe.kernel.package},
                           {"packages", recipe.packages.size()},
                           {"files", recipe.files.size()},
                           {"users", recipe.users.size()},
                           {"components", recipe.components.size()},
                           {"units", recipe.units_enable.size()},
                           {"locked_packages", lock ? json::Value(locked) : json::Value()}});
    return 0;
  }
  fmt::print("ok: {} ({})\n", recipe.id, recipe.name);
  fmt::print("  packages    {} named{}\n", recipe.packages.size(),
             lock ? fmt::format(", {} locked", locked) : ", no lock yet: run 'lethe recipe lock'");
  fmt::print("  kernel      {}, {} modules allowed\n", recipe.kernel.package,
             recipe.kernel.modules.size());
  fmt::print("  files       {}\n  users       {}\n  units       {} enabled\n  components  {}\n",
             recipe.files.size(), recipe.users.size(), recipe.units_enable.size(),
             recipe.components.size());
  fmt::print("  budget      ISO {} MiB, RAM {} MiB\n", recipe.max_iso_mib, recipe.max_ram_mib);
  return 0;
}

}  // namespace

Action DeclareRecipeCheck(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("recipe", options->directory, "folder with recipe.toml")->capture_default_str();
  app.add_flag("--locked", options->need_lock, "a missing lock is an error");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
