// lethe image reproduce: builds an ISO again from the commit that it names, and compares.
// Exit codes: 0 the same bytes, 1 it can never be reproduced (dirty), its commit is not there, or
// this program has other steps than the one that built it, 3 it differs, 4 not an ISO of ours,
// 5 packages gone from every source.

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "apps/lethe/arguments.h"
#include "apps/lethe/command.h"
#include "apps/lethe/sources.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/iso_reader.h"
#include "image/manifest.h"
#include "recipe/lock.h"
#include "reproduce/checkout.h"
#include "reproduce/guest_build.h"
#include "reproduce/varied_build.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;
using reproduce::AxisResult;
using reproduce::AxisSet;
using reproduce::AxisState;

struct Options {
  std::string iso;
  std::string repository = ".";
  std::string builder;
  std::string output;
  std::string store;
  std::string user = "nobody";
  std::vector<std::string> axes;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool vary = false;
  bool each = false;
  bool guest = false;
  bool offline = false;
  MirrorArguments mirrors;
  std::vector<std::string> peers;
};

Result<image::Manifest> ManifestOf(std::string_view iso) {
  const auto listing = LETHE_TRY(image::ReadIso(iso));
  const auto* file = image::FindIsoFile(listing, image::kIsoManifestPath);
  if (file == nullptr) {
    return Error{ErrorCode::kMalformed, "the ISO has no " + std::string(image::kIsoManifestPath)};
  }
  return image::ParseManifest(iso.substr(file->offset, file->size));
}

Status CheckManifest(const image::Manifest& manifest) {
  if (manifest.dirty) {
    return Error{ErrorCode::kConflict,
                 "the image is dirty: it was built from changes that no commit holds, and can "
                 "never be reproduced"};
  }
  const fs::path recipe = manifest.recipe;
  if (recipe.empty() || recipe.is_absolute() || recipe.lexically_normal() != recipe ||
      *recipe.begin() == "..") {
    return Error{ErrorCode::kMalformed, "manifest: key 'recipe': '" + Printable(manifest.recipe) +
                                            "' is no folder inside of a repository"};
  }
  return {};
}

// The packages of the commit's lock, in the store.
Status FetchPackages(const reproduce::BuildInputs& inputs, const image::Store& store,
                     const Options& options) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(store.tmp(), "checkout-"));
  const fs::path tree = scratch.path() / "tree";
  LETHE_TRY(reproduce::CheckOut(inputs.repository, inputs.commit, tree));
  const auto recipe = LETHE_TRY(recipe::LoadRecipe(tree / inputs.recipe));
  const auto lock = LETHE_TRY(recipe::LoadLock(recipe.directory / "recipe.lock", recipe));
  Sources sources{.peers = LETHE_TRY(PeersFrom(options.peers)), .mirrors = {}};
  if (!options.offline) {
    auto found = MirrorsFrom(options.mirrors);
    if (found) sources.mirrors = std::move(*found);  // a full store needs no mirror
  }
  const auto warn = [](const std::string& what) {
    fmt::print(stderr, "lethe: warning: {}\n", what);
  };
  return image::EnsurePackages(store, recipe::FilesOf(lock), MakeFetcher(std::move(sources), warn),
                               {.jobs = options.jobs * 2, .progress = {}, .warn = warn});
}

// Builds and compares, one build after another.
class Comparer {
 public:
  Comparer(const reproduce::BuildInputs& inputs, std::string_view expected,
           const image::Manifest& manifest, fs::path output)
      : inputs_(inputs), expected_(expected), manifest_(manifest), output_(std::move(output)) {}

  Result<reproduce::Build> Build(const AxisSet& axes) {
    fmt::print(stderr, "  build {}: {}", ++count_,
               axes.empty() ? "nothing varied" : reproduce::NamesOf(axes));
    std::fflush(stderr);
    const auto start = std::chrono::steady_clock::now();
    auto built = BuildAndCompare(axes);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    fmt::print(stderr, ": {} ({:.1f} s)\n",
               !built              ? "failed"
               : built->difference ? "DIFFERS"
                                   : "the same",
               took.count());
    if (built) built->seconds = took.count();
    return built;
  }

 private:
  Result<reproduce::Build> BuildAndCompare(const AxisSet& axes) {
    const ScratchDir result = LETHE_TRY(ScratchDir::Create(inputs_.store / "tmp", "reproduced-"));
    const bool guest = !axes.empty() && reproduce::IsOfGuest(*axes.begin());
    LETHE_TRY(guest ? reproduce::BuildInGuest(inputs_, axes, result.path())
                    : reproduce::BuildVaried(inputs_, axes, result.path()));
    const fs::path iso = LETHE_TRY(IsoIn(result.path()));
    const auto built = LETHE_TRY(image::MapFile(iso));
    reproduce::Build out{.difference = reproduce::FirstDifference(expected_, built.bytes),
                         .seconds = 0,
                         .failure = {}};
    if (out.difference) LETHE_TRY(CheckBuilder(built.bytes));
    if (!output_.empty() && !kept_difference_) {
      LETHE_TRY(Keep(result.path()));
      kept_difference_ = out.difference.has_value();
    }
    return out;
  }

  static Result<fs::path> IsoIn(const fs::path& folder) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".iso") return entry.path();
    }
    return Error{ErrorCode::kIo, "the build left no ISO"};
  }

  // A difference says something about the image only where the same steps built both.
  Status CheckBuilder(std::string_view built) const {
    const auto manifest = ManifestOf(built);
    if (!manifest || manifest->builder == manifest_.builder) return {};
    return Error{ErrorCode::kConflict,
                 "the image differs, but was built by other steps than this program has: \"" +
                     Printable(manifest_.builder) + "\", here \"" + manifest->builder +
                     "\"; name the program of that time by --builder (docs/reproducing.md)"};
  }

  Status Keep(const fs::path& result) const {
    LETHE_TRY(MakeDirectories(output_));
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(result, error)) {
      fs::copy_file(entry.path(), output_ / entry.path().filename(),
                    fs::copy_options::overwrite_existing, error);
      if (error) break;
    }
    if (!error) return {};
    return Error{ErrorCode::kIo, "writing to " + output_.string() + ": " + error.message()};
  }

  const reproduce::BuildInputs& inputs_;
  std::string_view expected_;
  const image::Manifest& manifest_;
  fs::path output_;
  unsigned count_ = 0;
  bool kept_difference_ = false;
};

Result<std::vector<reproduce::Variation>> ChooseVariations(const Options& options,
                                                           const reproduce::BuildInputs& inputs) {
  AxisSet wanted;
  for (const std::string& name : options.axes) {
    const auto axis = reproduce::AxisNamed(name);
    if (!axis) {
      AxisSet all;
      for (const auto& info : reproduce::AllAxes()) all.insert(info.axis);
      return Error{ErrorCode::kUsage,
                   "--axis '" + Printable(name) + "': allowed: " + reproduce::NamesOf(all)};
    }
    wanted.insert(*axis);
  }
  auto variations = reproduce::VariationsHere(inputs);
  if (options.guest) {
    for (auto& variation : reproduce::VariationsInGuest()) variations.push_back(variation);
  }
  if (!wanted.empty())
    std::erase_if(variations, [&](const auto& v) { return !wanted.contains(v.axis); });
  return variations;
}

json::Value ToJson(const AxisResult& row) {
  return json::Object{{"axis", reproduce::NameOf(row.variation.axis)},
                      {"from", row.variation.from},
                      {"to", row.variation.to},
                      {"state", reproduce::ToString(row.state)},
                      {"note", row.note},
                      {"seconds", row.seconds}};
}

void PrintTable(const std::vector<AxisResult>& rows) {
  fmt::print("{:<14} {:<22} {:<46} {:<18} {:>7}\n", "axis", "from", "to", "result", "s");
  for (const AxisResult& row : rows) {
    const bool note = !row.note.empty();
    fmt::print("{:<14} {:<22} {:<46} {:<18} {:>7}{}\n", reproduce::NameOf(row.variation.axis),
               row.variation.from, row.variation.to, reproduce::ToString(row.state),
               row.seconds > 0 ? fmt::format("{:.1f}", row.seconds) : "-",
               note ? "\n               " + row.note : "");
  }
}

struct Answer {
  std::optional<reproduce::Difference> difference;  // with nothing varied
  reproduce::VaryResult varied;
  double seconds = 0;

  size_t Count(AxisState state) const {
    size_t n = 0;
    for (const AxisResult& row : varied.axes) n += row.state == state ? 1 : 0;
    return n;
  }
  bool same() const {
    return !difference && !varied.plain_differs && Count(AxisState::kDiffers) == 0 &&
           Count(AxisState::kFails) == 0;
  }
  // A build that fails says nothing against the image; one that differs does.
  int exit_code() const {
    const bool differs = difference || varied.plain_differs || Count(AxisState::kDiffers) > 0;
    return differs ? ExitCode(ErrorCode::kUntrusted) : same() ? 0 : ExitCode(ErrorCode::kIo);
  }
  AxisSet Guilty(AxisState state) const {
    AxisSet out;
    for (const AxisResult& row : varied.axes) {
      if (row.state == state) out.insert(row.variation.axis);
    }
    return out;
  }
};

void PrintHint(const Options& options, const image::Manifest& manifest) {
  const std::string name = manifest.image_id + "-" + manifest.image_version + ".iso";
  if (options.output.empty()) {
    fmt::print("with --output DIR the other image is kept; then: lethe image diff {} DIR/{}\n",
               options.iso, name);
  } else {
    fmt::print("what differs: lethe image diff {} {}\n", options.iso,
               (fs::path(options.output) / name).string());
  }
}

void PrintAnswer(const Answer& answer, const Options& options, const image::Manifest& manifest) {
  if (options.vary) PrintTable(answer.varied.axes);
  if (answer.same()) {
    fmt::print("reproduced: {} is commit {}, byte for byte\n", options.iso, manifest.commit);
    if (options.vary) {
      fmt::print("  {} axes varied, 0 bytes differ; {} not possible here\n",
                 answer.Count(AxisState::kSame), answer.Count(AxisState::kNotPossible));
    }
    return;
  }
  if (answer.difference) {
    fmt::print("differs: {} is not what commit {} builds: {}\n", options.iso, manifest.commit,
               reproduce::Describe(*answer.difference));
  } else if (answer.varied.plain_differs) {
    fmt::print("differs: with nothing varied, too; no axis is to blame\n");
  } else if (answer.Count(AxisState::kDiffers) > 0) {
    fmt::print("differs: the image depends on: {}\n",
               reproduce::NamesOf(answer.Guilty(AxisState::kDiffers)));
  }
  if (answer.Count(AxisState::kFails) > 0) {
    fmt::print("the build fails where this is varied: {}\n",
               reproduce::NamesOf(answer.Guilty(AxisState::kFails)));
    return;
  }
  PrintHint(options, manifest);
}

json::Value AnswerJson(const Answer& answer, const image::Manifest& manifest,
                       const crypto::Sha256Digest& digest) {
  json::Array axes;
  for (const AxisResult& row : answer.varied.axes) axes.push_back(ToJson(row));
  json::Object out{{"result", answer.same()             ? "reproduced"
                              : answer.exit_code() == 1 ? "fails"
                                                        : "differs"},
                   {"iso_sha256", digest.Hex()},
                   {"commit", manifest.commit},
                   {"recipe", manifest.recipe},
                   {"builder", manifest.builder},
                   {"plain_differs", answer.varied.plain_differs || answer.difference.has_value()},
                   {"axes", std::move(axes)},
                   {"builds", answer.varied.builds},
                   {"seconds", answer.seconds}};
  if (answer.difference) {
    out["first_difference"] = json::Object{{"offset", answer.difference->offset},
                                           {"where", answer.difference->where},
                                           {"bytes", answer.difference->differing_bytes}};
  }
  return out;
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  const auto iso = LETHE_TRY(image::MapFile(options.iso));
  const auto manifest = LETHE_TRY_IN(ManifestOf(iso.bytes), options.iso);
  LETHE_TRY_IN(CheckManifest(manifest), options.iso);
  const auto store = LETHE_TRY(image::Store::Open(StoreDirectory(options.store)));
  const reproduce::BuildInputs inputs{
      .program = options.builder.empty() ? "/proc/self/exe" : options.builder,
      .repository = fs::absolute(options.repository),
      .commit = manifest.commit,
      .recipe = manifest.recipe,
      .store = store.directory(),
      .jobs = options.jobs,
      .user = options.user};
  LETHE_TRY(FetchPackages(inputs, store, options));
  Comparer comparer(inputs, iso.bytes, manifest, options.output);
  const auto build = [&](const AxisSet& axes) { return comparer.Build(axes); };
  const auto start = std::chrono::steady_clock::now();
  Answer answer;
  if (options.vary) {
    const auto variations = LETHE_TRY(ChooseVariations(options, inputs));
    answer.varied = LETHE_TRY(reproduce::Vary(variations, options.each, build));
  }
  if (answer.varied.builds == 0) {  // nothing was varied, or nothing can be
    answer.difference = LETHE_TRY(build({})).difference;
    answer.varied.builds = 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  answer.seconds = took.count();
  if (global.json) {
    PrintJson(AnswerJson(answer, manifest, crypto::Sha256Of(iso.bytes)));
  } else {
    PrintAnswer(answer, options, manifest);
  }
  return answer.exit_code();
}

}  // namespace

Action DeclareImageReproduce(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("iso", options->iso, "the ISO")->required();
  app.add_option("--repository", options->repository, "git repository that has its commit")
      ->capture_default_str();
  auto* vary = app.add_flag("--vary", options->vary, "vary what must not change a byte");
  app.add_option("--axis", options->axes, "vary only this (may be given several times)")
      ->needs(vary);
  app.add_flag("--each", options->each, "one build for each axis")->needs(vary);
  app.add_flag("--guest", options->guest,
               "also build in a virtual machine: kernel, clock, CPU model (slow)")
      ->needs(vary);
  app.add_option("--as-user", options->user, "whom the axis 'user' builds as")
      ->capture_default_str();
  app.add_option("--builder", options->builder,
                 "the lethe program that builds (default: this one)");
  app.add_option("--output", options->output, "keep what was built in this folder");
  app.add_option("--store", options->store,
                 "package and step store (default: $LETHE_STORE or ~/.cache/lethe)");
  app.add_option("--jobs", options->jobs, "parallel work")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--offline", options->offline, "use only packages that the store has");
  AddMirrorOptions(app, options->mirrors);
  AddPeerOption(app, options->peers);
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
