// lethe recipe lock: resolves a recipe against signed Debian indices and pins every package.
// Exit codes: 0 ok, 1 needs that cannot be met, 2 usage, 3 signature, digest or age of an index
// refused, 4 malformed recipe or index, 5 mirror not reachable.

#include <fmt/format.h>
#include <unistd.h>

#include <ctime>
#include <map>
#include <optional>

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

// What the new lock changes; nothing where there was none. A previous lock that cannot be read is
// said and replaced: making a new one is the way out.
std::optional<std::vector<recipe::LockChange>> ChangesSince(const std::filesystem::path& previous,
                                                            const recipe::Lock& lock) {
  const auto text = ReadFile(previous, recipe::kMaxLockBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return {};
  const auto old = text ? recipe::ParseLock(*text, previous.string()) : text.error();
  if (old) return recipe::DiffLocks(*old, lock);
  fmt::print(stderr, "lethe: the previous lock is not compared: {}\n", old.error().message);
  return {};
}

struct Totals {
  size_t packages = 0;
  uint64_t bytes = 0;
};

std::map<recipe::PackageSet, Totals> TotalsBySet(const recipe::Lock& lock) {
  std::map<recipe::PackageSet, Totals> sets;
  for (const auto& package : lock.packages) {
    for (const auto set : package.in) {
      sets[set].packages += 1;
      sets[set].bytes += package.size;
    }
  }
  return sets;
}

uint64_t BytesOf(const recipe::Lock& lock) {
  uint64_t bytes = 0;
  for (const auto& package : lock.packages) bytes += package.size;
  return bytes;
}

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
  const auto changes = ChangesSince(committed, lock);
  LETHE_TRY(WriteFileAtomic(output, recipe::WriteLock(lock)));
  if (global.json) {
    json::Object sets;
    for (const auto& [set, totals] : TotalsBySet(lock)) {
      sets[std::string(recipe::ToString(set))] =
          json::Object{{"packages", totals.packages}, {"bytes", totals.bytes}};
    }
    PrintJson(json::Object{{"lock", output.string()},
                           {"packages", lock.packages.size()},
                           {"bytes", BytesOf(lock)},
                           {"sets", std::move(sets)},
                           {"changes", changes ? LockChangesJson(*changes) : json::Value()}});
    return 0;
  }
  if (changes) PrintLockChanges(*changes);
  fmt::print("wrote {}: {} packages, {}\n", output.string(), lock.packages.size(),
             ReadableSize(BytesOf(lock)));
  for (const auto& [set, totals] : TotalsBySet(lock)) {
    fmt::print("  {:<10} {:>4}  {:>10}\n", recipe::ToString(set), totals.packages,
               ReadableSize(totals.bytes));
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
