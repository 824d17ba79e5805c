// lethe image build: one ISO and one UKI from one commit.
// Exit codes: 0 ok, 1 failure, 3 a package or index that is not what the lock says, or a weak
// policy, 4 malformed recipe, lock or policy, 5 packages gone from every source.

#include <fmt/format.h>

#include <thread>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/policy_file.h"
#include "apps/lethe/progress.h"
#include "apps/lethe/sources.h"
#include "image/build.h"

namespace lethe::cli {
namespace {

struct Options {
  std::string recipe = ".";
  std::string lock;
  std::string output = ".";
  std::string store;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool no_cache = false;
  bool offline = false;
  MirrorArguments mirrors;
  std::vector<std::string> peers;
};

json::Value ResultJson(const image::BuildResult& result, json::Array steps) {
  return json::Object{{"iso", result.iso.string()},
                      {"iso_sha256", result.iso_sha256.Hex()},
                      {"iso_bytes", result.iso_bytes},
                      {"uki", result.uki.string()},
                      {"uki_sha256", result.manifest.uki.sha256.Hex()},
                      {"uki_authenticode", result.manifest.uki.authenticode.Hex()},
                      {"uki_bytes", result.uki_bytes},
                      {"initrd_bytes", result.initrd_bytes},
                      {"root_image_bytes", result.root_image_bytes},
                      {"manifest", result.manifest_file.string()},
                      {"sbom", result.sbom_file.string()},
                      {"image_id", result.manifest.image_id},
                      {"image_version", result.manifest.image_version},
                      {"commit", result.manifest.commit},
                      {"dirty", result.manifest.dirty},
                      {"steps", std::move(steps)}};
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  LETHE_TRY(CheckRecipePolicy(options.recipe));
  const auto store = LETHE_TRY(image::Store::Open(StoreDirectory(options.store)));
  Sources sources{.peers = LETHE_TRY(PeersFrom(options.peers)), .mirrors = {}};
  if (!options.offline) {
    auto found = MirrorsFrom(options.mirrors);
    if (found) sources.mirrors = std::move(*found);  // a full store needs no mirror
  }
  BuildProgress progress(store.directory() / "timings.json");
  const auto warn = [&](const std::string& what) { progress.Warning(what); };
  const auto result =
      LETHE_TRY(image::BuildImage({.recipe = options.recipe,
                                   .lock = options.lock,
                                   .output = options.output,
                                   .jobs = options.jobs,
                                   .reuse = !options.no_cache},
                                  store, MakeFetcher(std::move(sources), warn), progress));
  if (global.json) {
    PrintJson(ResultJson(result, progress.Times()));
    return 0;
  }
  fmt::print("{}\n  sha256   {}\n  size     {} (root image {})\n  version  {} {}\n",
             result.iso.string(), result.iso_sha256.Hex(), ReadableSize(result.iso_bytes),
             ReadableSize(result.root_image_bytes), result.manifest.image_id,
             result.manifest.image_version);
  fmt::print("{}\n  sha256   {}\n", result.uki.string(), result.manifest.uki.sha256.Hex());
  if (result.manifest.dirty)
    fmt::print(
        "  this tree is not a commit: the image is marked dirty and can never be released\n");
  return 0;
}

}  // namespace

Action DeclareImageBuild(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("recipe", options->recipe, "folder with recipe.toml")->capture_default_str();
  app.add_option("--output", options->output, "folder for ISO, UKI, manifest and SBOM")
      ->capture_default_str();
  app.add_option("--lock", options->lock,
                 "another lock than the recipe's (the image is marked dirty)");
  app.add_option("--store", options->store,
                 "package and step store (default: $LETHE_STORE or ~/.cache/lethe)");
  app.add_option("--jobs", options->jobs, "parallel work")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--no-cache", options->no_cache, "recompute every step");
  CLI::Option* offline =
      app.add_flag("--offline", options->offline, "use only packages that the store has");
  AddPeerOption(app, options->peers)->excludes(offline);
  AddMirrorOptions(app, options->mirrors);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
