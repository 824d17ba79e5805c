// lethe store import: takes what `store export` wrote into the store.
// Exit codes: 0 ok, 1 failure, 2 usage, 3 an object that is not what its name says, 4 malformed
// set.

#include <fmt/format.h>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/store_arguments.h"
#include "image/store_set.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string source;
  std::string store;
};

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto store = LETHE_TRY(OpenStore(options.store));
  const auto totals =
      LETHE_TRY(image::ImportSet(store, options.source, TerminalProgress("importing")));
  if (global.json) {
    PrintJson(json::Object{{"source", options.source},
                           {"objects", totals.objects},
                           {"bytes", totals.bytes},
                           {"already_present", totals.present}});
  } else {
    fmt::print("{} objects, {}: {} new, {} were here\n", totals.objects, ReadableSize(totals.bytes),
               totals.objects - totals.present, totals.present);
  }
  return 0;
}

}  // namespace

Action DeclareStoreImport(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("source", options->source, "tar or folder of 'lethe store export'")->required();
  AddStoreOption(app, options->store);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
