// lethe recipe lock: resolves a recipe against signed Debian indices and pins every package.
// Exit codes: 0 ok, 1 needs that cannot be met, 3 signature or digest refused, 4 malformed recipe
// or index, 5 mirror not reachable.

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <map>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/lock_changes.h"
#include "base/file.h"
#include "recipe/resolve.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string directory = ".";
  std::string output;
  std::string keyring = recipe::kDebianKeyring;
  bool allow_expired_index = false;
  MirrorArguments mirrors;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto recipe = LETHE_TRY(recipe::LoadRecipe(options.directory));
  const std::filesystem::path committed = recipe.directory / "recipe.lock";
  const std::filesystem::path output =
      options.output.empty() ? committed : std::filesystem::path(options.output);
  recipe::LockOptions lock_options{.mirrors = LETHE_TRY(MirrorsFrom(options.mirrors)),
                                   .keyring = options.keyring,
                                   .allow_expired_index = options.allow_expired_index,
                                   .now_unix_s = std::time(nullptr),
                                   .progress = {}};
  if (::isatty(2) == 1) {
    lock_options.progress = [](const std::string& what) { fmt::print(stderr, "  {}\n", what); };
  }
  const auto lock = LETHE_TRY(recipe::ResolveRecipe(recipe, lock_options));
  std::vector<recipe::LockChange> changes;
  const auto old_text = ReadFile(committed);
  const auto old_lock = old_text ? recipe::ParseLock(*old_text, committed.string())
                                 : Result<recipe::Lock>(recipe::Lock{});
  if (old_lock) changes = recipe::DiffLocks(*old_lock, lock);
  LETHE_TRY(WriteFileAtomic(output, recipe::WriteLock(lock)));
  std::map<recipe::PackageSet, std::pair<size_t, uint64_t>> sets;
  for (const auto& package : lock.packages) {
    for (const auto set : package.in) {
      sets[set].first += 1;
      sets[set].second += package.size;
    }
  }
  if (global.json) {
    PrintJson(json::Object{{"lock", output.string()},
                           {"packages", lock.packages.size()},
                           {"changes", LockChangesJson(changes)}});
    return 0;
  }
  if (old_text && old_lock) PrintLockChanges(changes);
  fmt::print("wrote {}: {} packages\n", output.string(), lock.packages.size());
  for (const auto& [set, totals] : sets) {
    fmt::print("  {:<10} {:>4}  {:>10}\n", recipe::ToString(set), totals.first, Mib(totals.second));
  }
  return 0;
}

}  // namespace

Action DeclareRecipeLock(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("recipe", options->directory, "folder with recipe.toml")->capture_default_str();
  app.add_option("--output", options->output,
                 "where to write the lock (default: recipe.lock in the recipe)");
  app.add_option("--keyring", options->keyring, "keys that may sign the indices")
      ->capture_default_str();
  app.add_flag("--allow-expired-index", options->allow_expired_index,
               "accept an index past its Valid-Until");
  AddMirrorOptions(app, options->mirrors);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
