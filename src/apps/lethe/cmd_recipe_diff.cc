// lethe recipe diff: what a re-lock changes: package, old and new version, size.
// Exit codes: 0 ok (also when something changed), 1 a lock or revision is missing, 2 usage,
// 4 malformed.

#include <fmt/format.h>

#include "apps/lethe/command.h"
#include "apps/lethe/lock_changes.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "git/ask.h"
#include "recipe/recipe.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string directory = ".";
  std::string from;
  std::string to;
  std::string revision = "HEAD";
};

Result<recipe::Lock> ReadLockFile(const std::string& file) {
  return recipe::ParseLock(LETHE_TRY(ReadFile(file, recipe::kMaxLockBytes)), file);
}

Result<recipe::Lock> ReadCommittedLock(const std::filesystem::path& directory,
                                       const std::string& revision) {
  const auto git = LETHE_TRY(RunCommand(
      {.argv = {"git", "-C", directory.string(), "cat-file", "blob", revision + ":./recipe.lock"},
       .env = {{"LC_ALL", "C"}},
       .package = git::kPackage,
       .max_output_bytes = recipe::kMaxLockBytes}));
  if (git.exit_code != 0) {
    return Error{ErrorCode::kNotFound,
                 "no recipe.lock at revision '" + revision + "': " + std::string(Trim(git.err))};
  }
  return recipe::ParseLock(git.out, revision + ":recipe.lock");
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  if (options.revision.starts_with('-')) {
    return Error{ErrorCode::kUsage, "--revision: '" + options.revision + "' is no revision"};
  }
  const std::filesystem::path working = std::filesystem::path(options.directory) / "recipe.lock";
  const auto from =
      LETHE_TRY(options.from.empty() ? ReadCommittedLock(options.directory, options.revision)
                                     : ReadLockFile(options.from));
  const auto to = LETHE_TRY(ReadLockFile(options.to.empty() ? working.string() : options.to));
  const auto changes = recipe::DiffLocks(from, to);
  if (global.json) {
    PrintJson(LockChangesJson(changes));
  } else {
    PrintLockChanges(changes);
  }
  return 0;
}

}  // namespace

Action DeclareRecipeDiff(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.footer(
      "Without options: the committed lock against the one in the work tree.\n"
      "  lethe recipe diff --revision v1.2          what changed since a tag\n"
      "  lethe recipe diff --from a.lock --to b.lock  any two locks");
  app.add_option("recipe", options->directory, "folder with recipe.lock")->capture_default_str();
  CLI::Option* from = app.add_option("--from", options->from,
                                     "old lock file (default: the one committed at --revision)");
  app.add_option("--to", options->to, "new lock file (default: recipe.lock of the work tree)");
  app.add_option("--revision", options->revision, "git revision of the old lock")
      ->capture_default_str()
      ->excludes(from);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
