#include "image/chain.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/component.h"
#include "image/firmware.h"
#include "image/kernel.h"
#include "image/microcode.h"
#include "image/patched.h"
#include "image/sandbox.h"
#include "image/tar_writer.h"
#include "image/version.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using recipe::LockedPackage;
using recipe::PackageSet;

// Bump a step's number when its code changes what it makes of the same inputs.
constexpr const char* kBuildRootStep = "buildroot-1";
constexpr const char* kRebuildStep = "rebuilt-1";
constexpr const char* kConfigureStep = "configured-1";
constexpr const char* kKernelStep = "kernel-2";
constexpr const char* kFirmwareStep = "firmware-1";
constexpr const char* kMicrocodeStep = "microcode-1";
constexpr const char* kComponentStep = "component-1";
constexpr const char* kRootImageStep = "rootimage-1";
// These are never kept; their numbers only tell which program built an image.
constexpr const char* kComposeStep = "compose-2";
constexpr const char* kIsoStep = "iso-2";
// Maintainer scripts see this time, so that a configured root does not depend on the commit.
constexpr uint64_t kConfigureEpoch = 1735689600;  // 2025-01-01
// Decision 0008: what a level costs and buys.
constexpr const char* kCompression = "zstd,level=2";
constexpr const char* kClusterBytes = "65536";

}  // namespace

std::string BuilderSteps() {
  std::vector<std::string> steps = {kBuildRootStep, kRebuildStep,   kConfigureStep, kKernelStep,
                                    kFirmwareStep,  kMicrocodeStep, kComponentStep, kRootImageStep,
                                    kComposeStep,   kIsoStep};
  std::sort(steps.begin(), steps.end());
  return Join(steps, " ");
}

void SharedObserver::Started(const std::string& step) {
  const std::lock_guard lock(mutex_);
  observer_.StepStarted(step);
}

void SharedObserver::Progress(const std::string& step, size_t done, size_t total) {
  const std::lock_guard lock(mutex_);
  observer_.StepProgress(step, done, total);
}

void SharedObserver::Finished(const std::string& step, double seconds, bool cached) {
  const std::lock_guard lock(mutex_);
  observer_.StepFinished(step, seconds, cached);
}

void SharedObserver::Warning(const std::string& what) {
  const std::lock_guard lock(mutex_);
  observer_.Warning(what);
}

Result<fs::path> Chain::Step(const std::string& shown, const std::string& step, KeyBuilder key,
                             const std::function<Status(const fs::path&)>& work) {
  observer_.Started(shown);
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = LETHE_TRY(cache_.Run(step, key.Finish(), work));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  observer_.Finished(shown, took.count(), outcome.cached);
  return outcome.path;
}

std::function<void(size_t, size_t)> Chain::ProgressOf(const std::string& shown) {
  return [this, shown](size_t done, size_t total) { observer_.Progress(shown, done, total); };
}

std::vector<PackageFile> Chain::Files(PackageSet set) const {
  std::vector<PackageFile> out;
  for (const LockedPackage& package : lock_.packages) {
    if (package.in.contains(set))
      out.push_back({package.name, package.architecture, store_.ObjectPath(package.sha256)});
  }
  return out;
}

std::vector<std::string> Chain::Digests(PackageSet set) const {
  std::vector<std::string> out;
  for (const LockedPackage& package : lock_.packages) {
    if (package.in.contains(set)) out.push_back(package.sha256.Hex());
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<fs::path> Chain::BuildRoot(PackageSet set, const std::string& shown) {
  KeyBuilder key(kBuildRootStep);
  key.Add("packages", Digests(set));
  return Step(shown, kBuildRootStep, std::move(key), [&](const fs::path& output) {
    return UnpackBuildRoot(Files(set), output, {options_.jobs, ProgressOf(shown)});
  });
}

Status Chain::UnpackTools() {
  tools_ = LETHE_TRY(BuildRoot(PackageSet::kTools, "unpack tools"));
  return {};
}

Result<std::vector<RebuiltPackage>> Chain::Rebuilt(const recipe::Patched& patched) {
  const auto source = std::find_if(lock_.sources.begin(), lock_.sources.end(),
                                   [&](const auto& s) { return s.name == patched.source; });
  LETHE_ASSERT(source != lock_.sources.end());  // the lock fits the recipe
  const std::string shown = "rebuild " + patched.source;
  PatchedBuild build{.source = patched.source,
                     .patches = patched.patches,
                     .version_suffix = LETHE_TRY(PatchSuffix(patched.patches)),
                     .epoch_unix_s = kConfigureEpoch,
                     .work = {options_.jobs, {}}};
  KeyBuilder key(kRebuildStep);
  key.Add("source", source->name + " " + source->version).Add("suffix", build.version_suffix);
  for (const recipe::LockedFile& file : source->files) {
    build.files.push_back(
        {file.path.substr(file.path.rfind('/') + 1), store_.ObjectPath(file.sha256)});
    key.Add("file", file.sha256);
  }
  for (const LockedPackage& package : lock_.packages) {
    if (package.source == patched.source && package.in.contains(PackageSet::kImage)) {
      build.wanted.push_back(package.name);
      build.indep = build.indep || package.architecture == "all";
    }
    if (!std::binary_search(source->build_depends.begin(), source->build_depends.end(),
                            package.name) ||
        !package.in.contains(PackageSet::kSources)) {
      continue;
    }
    build.build_depends.push_back(
        {package.name, package.architecture, store_.ObjectPath(package.sha256)});
    key.Add("build dependency", package.sha256);
  }
  key.Add("wanted", build.wanted);
  const fs::path path =
      LETHE_TRY(Step(shown, kRebuildStep, std::move(key), [&](const fs::path& output) -> Status {
        const ScratchDir work = LETHE_TRY(ScratchDir::Create(output, "work-"));
        return BuildPatched(build, work.path() / "root", output);
      }));
  auto rebuilt = LETHE_TRY(ReadRebuilt(path));
  for (RebuiltPackage& package : rebuilt) {
    for (const fs::path& patch : patched.patches)
      package.patches.push_back(patch.filename().string());
  }
  return rebuilt;
}

Result<Tree> Chain::ConfiguredRoot(const std::vector<RebuiltPackage>& rebuilt) {
  std::vector<PackageFile> packages = Files(PackageSet::kImage);
  std::vector<std::string> digests = Digests(PackageSet::kImage);
  for (const RebuiltPackage& own : rebuilt) {
    for (PackageFile& package : packages) {
      if (package.name == own.name) package.deb = own.deb;
    }
    digests.push_back("rebuilt " + own.name + " " + own.sha256.Hex());
  }
  KeyBuilder key(kConfigureStep);
  key.Add("packages", digests);
  const std::string shown = "configure packages";
  const fs::path path =
      LETHE_TRY(Step(shown, kConfigureStep, std::move(key), [&](const fs::path& output) -> Status {
        const ScratchDir work = LETHE_TRY(ScratchDir::Create(output, "work-"));
        return ConfigureRoot(packages, work.path() / "root", output, kConfigureEpoch,
                             {options_.jobs, {}});
      }));
  return ReadCapture(path);
}

Result<fs::path> Chain::Kernel() {
  KeyBuilder key(kKernelStep);
  key.Add("package", Digests(PackageSet::kKernel)).Add("modules", recipe_.kernel.modules);
  key.Add("initrd", recipe_.kernel.initrd_modules).Add("tools", Digests(PackageSet::kTools));
  return Step(
      "kernel and modules", kKernelStep, std::move(key), [&](const fs::path& output) -> Status {
        const auto packages = Files(PackageSet::kKernel);
        if (packages.size() != 1)
          return Error{ErrorCode::kConflict, "the lock must have exactly one kernel"};
        LETHE_TRY_IN(
            ExtractKernel(packages[0].deb,
                          {recipe_.kernel.modules, recipe_.kernel.initrd_modules, options_.jobs},
                          output),
            "package " + packages[0].name);
        const std::string version = LETHE_TRY(ReadFile(output / "version"));
        LETHE_TRY_IN(RunInRoot({.root = tools_,
                                .binds = {{output / "root", "/work", true}},
                                .argv = {"depmod", "-b", "/work", version}}),
                     "indexing modules");
        // depmod's list of what each module needs is all that the image has to know.
        return RemoveTree(output / "root" / "lib");
      });
}

Result<fs::path> Chain::Firmware(const fs::path& kernel) {
  const std::string requests = LETHE_TRY(ReadFile(kernel / "firmware"));
  KeyBuilder key(kFirmwareStep);
  key.Add("packages", Digests(PackageSet::kFirmware)).Add("requests", requests);
  key.Add("missing_ok", recipe_.kernel.firmware_missing_ok);
  return Step("firmware", kFirmwareStep, std::move(key), [&](const fs::path& output) -> Status {
    return CollectFirmware(Files(PackageSet::kFirmware),
                           LETHE_TRY_IN(ParseFirmwareRequests(requests), "what modules ask for"),
                           recipe_.kernel.firmware_missing_ok, output);
  });
}

Result<fs::path> Chain::Microcode() {
  KeyBuilder key(kMicrocodeStep);
  key.Add("packages", Digests(PackageSet::kMicrocode));
  return Step("microcode", kMicrocodeStep, std::move(key), [&](const fs::path& output) {
    return CollectMicrocode(Files(PackageSet::kMicrocode), output);
  });
}

Result<fs::path> Chain::Component(const recipe::Component& component, const fs::path& repository) {
  const auto files =
      LETHE_TRY_IN(RepositoryFiles(repository, component.sources), "component " + component.name);
  KeyBuilder key(kComponentStep);
  key.Add("compilers", Digests(PackageSet::kCompilers));
  for (const std::string& file : files) {
    key.Add(file, LETHE_TRY(crypto::Sha256OfFile(repository / file)));
    const auto mode = fs::status(repository / file).permissions() & fs::perms::owner_exec;
    key.Add("executable", mode == fs::perms::none ? "no" : "yes");
  }
  for (const auto& argv : component.commands) key.Add("command", argv);
  for (const auto& install : component.install)
    key.Add(install.from, install.to).Add("mode", std::to_string(install.mode));
  return Step("component " + component.name, kComponentStep, std::move(key),
              [&](const fs::path& output) -> Status {
                const fs::path compilers =
                    LETHE_TRY(BuildRoot(PackageSet::kCompilers, "unpack compilers"));
                return BuildComponent({component, compilers, repository, files}, output);
              });
}

Result<fs::path> Chain::RootImage(const Tree& tree, uint64_t epoch_unix_s,
                                  const crypto::Sha256Digest& identity) {
  const std::string hex = identity.Hex();
  const std::string uuid = hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-8" + hex.substr(13, 3) +
                           "-8" + hex.substr(17, 3) + "-" + hex.substr(20, 12);
  KeyBuilder key(kRootImageStep);
  key.Add("tree", TreeDigest(tree)).Add("epoch", std::to_string(epoch_unix_s)).Add("uuid", uuid);
  key.Add("tools", Digests(PackageSet::kTools))
      .Add("compression", kCompression)
      .Add("cluster", kClusterBytes);
  return Step("root image", kRootImageStep, std::move(key), [&](const fs::path& output) -> Status {
    const ScratchDir work = LETHE_TRY(ScratchDir::Create(output, "work-"));
    LETHE_TRY(WriteTar(tree, epoch_unix_s, work.path() / "root.tar"));
    LETHE_TRY_IN(
        RunInRoot({.root = tools_,
                   .binds = {{work.path(), "/work", true}},
                   .argv = {"mkfs.erofs", "--quiet", "--tar=f", std::string("-z") + kCompression,
                            std::string("-C") + kClusterBytes, "-T" + std::to_string(epoch_unix_s),
                            "-U" + uuid, "--workers=" + std::to_string(options_.jobs),
                            "/work/root.erofs", "/work/root.tar"}}),
        "writing the root image");
    std::error_code error;
    fs::rename(work.path() / "root.erofs", output / "root.erofs", error);
    return error ? Status(Error{ErrorCode::kIo, "moving the root image: " + error.message()})
                 : Status();
  });
}

}  // namespace lethe::image
