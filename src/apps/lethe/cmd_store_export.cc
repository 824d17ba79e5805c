// lethe store export: everything that a recipe's lock needs, as one file or folder.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 an object of the store is damaged, 4 malformed lock, 5
// the store lacks something.

#include <fmt/format.h>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "image/store_set.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string recipe;
  std::string target;
  std::string lock;
  std::string store;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto store = LETHE_TRY(OpenStore(options.store));
  const auto lock = LETHE_TRY(ReadRecipeLock(options.recipe, options.lock));
  const auto totals = LETHE_TRY(
      image::ExportSet(store, lock.lock, lock.text, options.target, TerminalProgress("exporting")));
  if (global.json) {
    PrintJson(json::Object{
        {"target", options.target}, {"objects", totals.objects}, {"bytes", totals.bytes}});
  } else {
    fmt::print("wrote {}: {} objects, {}\n", options.target, totals.objects,
               ReadableSize(totals.bytes));
  }
  return 0;
}

}  // namespace

Action DeclareStoreExport(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.footer(
      "Keep the file with the release: 'lethe store import' brings it into any store, and the "
      "commit\n"
      "builds again without a mirror. 'sha256sum -c SHA256SUMS' checks it without Lethe.");
  app.add_option("recipe", options->recipe, "folder with recipe.lock")->required();
  app.add_option("target", options->target,
                 "a tar where the name ends in .tar, else a folder that is new or empty")
      ->required();
  app.add_option("--lock", options->lock, "another lock than the recipe's");
  AddStoreOption(app, options->store);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
