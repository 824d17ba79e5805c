// lethe image build: one ISO from one commit.
// Exit codes: 0 ok, 1 failure, 3 a package or index that is not what the lock says, 4 malformed
// recipe or lock, 5 packages gone from every source.

#include <fmt/format.h>
#include <unistd.h>

#include <thread>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
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

// One line per step on stderr; on a terminal also a bar for steps that count.
class TerminalObserver : public image::BuildObserver {
 public:
  void StepStarted(const std::string& step) override {
    step_ = step;
    if (terminal_) fmt::print(stderr, "  {:<24} …\r", step);
  }
  void StepProgress(size_t done, size_t total) override {
    if (!terminal_ || total == 0) return;
    const size_t filled = done * kBar / total;
    fmt::print(stderr, "  {:<24} [{:=<{}}{: <{}}] {}/{}\r", step_, "", filled, "", kBar - filled,
               done, total);
  }
  void StepFinished(const std::string& step, double seconds, bool cached) override {
    fmt::print(stderr, "  {:<24} {:>6.1f} s{}\n", step, seconds,
               cached      ? "  (from the store)"
               : terminal_ ? std::string(30, ' ')
                           : "");
    times_.emplace_back(step,
                        json::Object{{"step", step}, {"seconds", seconds}, {"cached", cached}});
  }
  void Warning(const std::string& what) override {
    fmt::print(stderr, "lethe: warning: {}\n", what);
  }
  json::Array Times() const {
    json::Array out;
    for (const auto& [step, value] : times_) out.push_back(value);
    return out;
  }

 private:
  static constexpr size_t kBar = 30;
  bool terminal_ = ::isatty(2) == 1;
  std::string step_;
  std::vector<std::pair<std::string, json::Value>> times_;
};

json::Value ResultJson(const image::BuildResult& result, json::Array steps) {
  return json::Object{{"iso", result.iso.string()},
                      {"iso_sha256", result.iso_sha256.Hex()},
                      {"iso_bytes", result.iso_bytes},
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
  const auto store = LETHE_TRY(image::Store::Open(StoreDirectory(options.store)));
  Sources sources{.peers = LETHE_TRY(PeersFrom(options.peers)), .mirrors = {}};
  if (!options.offline) {
    auto found = MirrorsFrom(options.mirrors);
    if (found) sources.mirrors = std::move(*found);  // a full store needs no mirror
  }
  TerminalObserver observer;
  const auto warn = [&](const std::string& what) { observer.Warning(what); };
  const auto result =
      LETHE_TRY(image::BuildImage({.recipe = options.recipe,
                                   .lock = options.lock,
                                   .output = options.output,
                                   .jobs = options.jobs,
                                   .reuse = !options.no_cache},
                                  store, MakeFetcher(std::move(sources), warn), observer));
  if (global.json) {
    PrintJson(ResultJson(result, observer.Times()));
    return 0;
  }
  fmt::print("{}\n  sha256   {}\n  size     {} (root image {})\n  version  {} {}\n",
             result.iso.string(), result.iso_sha256.Hex(), ReadableSize(result.iso_bytes),
             ReadableSize(result.root_image_bytes), result.manifest.image_id,
             result.manifest.image_version);
  if (result.manifest.dirty)
    fmt::print(
        "  this tree is not a commit: the image is marked dirty and can never be released\n");
  return 0;
}

}  // namespace

Action DeclareImageBuild(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("recipe", options->recipe, "folder with recipe.toml")->capture_default_str();
  app.add_option("--output", options->output, "folder for ISO, manifest and SBOM")
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
