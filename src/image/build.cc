#include "image/build.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "base/file.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/component.h"
#include "image/compose.h"
#include "image/initrd.h"
#include "image/iso.h"
#include "image/iso_reader.h"
#include "image/kernel.h"
#include "image/sandbox.h"
#include "image/sbom.h"
#include "image/tar_writer.h"
#include "image/unpack.h"
#include "image/version.h"
#include "recipe/lock.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using recipe::LockedPackage;
using recipe::PackageSet;

// Bump a step's number when its code changes what it makes of the same inputs.
constexpr const char* kBuildRootStep = "buildroot-1";
constexpr const char* kConfigureStep = "configured-1";
constexpr const char* kKernelStep = "kernel-1";
constexpr const char* kComponentStep = "component-1";
constexpr const char* kRootImageStep = "rootimage-1";
// Maintainer scripts see this time, so that a configured root does not depend on the commit.
constexpr uint64_t kConfigureEpoch = 1735689600;  // 2025-01-01
constexpr const char* kCompression = "zstd,level=9";
constexpr const char* kClusterBytes = "65536";

class Chain {
 public:
  Chain(const BuildOptions& options, const Store& store, StepCache& cache, BuildObserver& observer,
        const recipe::Recipe& recipe, const recipe::Lock& lock)
      : options_(options),
        store_(store),
        cache_(cache),
        observer_(observer),
        recipe_(recipe),
        lock_(lock) {}

  // Announces a step, runs it, and reports its time.
  Result<fs::path> Step(const std::string& shown, const std::string& step, KeyBuilder key,
                        const std::function<Status(const fs::path&)>& work) {
    observer_.StepStarted(shown);
    const auto start = std::chrono::steady_clock::now();
    const auto outcome = LETHE_TRY(cache_.Run(step, key.Finish(), work));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    observer_.StepFinished(shown, took.count(), outcome.cached);
    return outcome.path;
  }

  template <typename Work>
  auto Uncached(const std::string& shown, Work work) -> decltype(work()) {
    observer_.StepStarted(shown);
    const auto start = std::chrono::steady_clock::now();
    auto result = work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (result) observer_.StepFinished(shown, took.count(), false);
    return result;
  }

  std::vector<LockedPackage> Packages(PackageSet set) const {
    std::vector<LockedPackage> out;
    for (const LockedPackage& package : lock_.packages) {
      if (package.in.contains(set)) out.push_back(package);
    }
    return out;
  }

  std::vector<PackageFile> Files(PackageSet set) const {
    std::vector<PackageFile> out;
    for (const LockedPackage& package : Packages(set)) {
      out.push_back({package.name, package.architecture, store_.ObjectPath(package.sha256)});
    }
    return out;
  }

  std::vector<std::string> Digests(PackageSet set) const {
    std::vector<std::string> out;
    for (const LockedPackage& package : Packages(set)) out.push_back(package.sha256.Hex());
    std::sort(out.begin(), out.end());
    return out;
  }

  KeyBuilder BuildRootKey(PackageSet set) const {
    KeyBuilder key(kBuildRootStep);
    key.Add("packages", Digests(set));
    return key;
  }

  Result<fs::path> BuildRoot(PackageSet set, const std::string& shown) {
    return Step(shown, kBuildRootStep, BuildRootKey(set), [&](const fs::path& output) {
      return UnpackBuildRoot(Files(set), output, options_.jobs);
    });
  }

  Result<Tree> ConfiguredRoot() {
    KeyBuilder key(kConfigureStep);
    key.Add("packages", Digests(PackageSet::kImage));
    const fs::path path =
        LETHE_TRY(Step("configure packages", kConfigureStep, std::move(key),
                       [&](const fs::path& output) -> Status {
                         const ScratchDir work = LETHE_TRY(ScratchDir::Create(output, "work-"));
                         return ConfigureRoot(Files(PackageSet::kImage), work.path(), output,
                                              kConfigureEpoch, options_.jobs);
                       }));
    return ReadCapture(path);
  }

  Result<fs::path> Kernel() {
    KeyBuilder key(kKernelStep);
    key.Add("package", Digests(PackageSet::kKernel)).Add("modules", recipe_.kernel.modules);
    key.Add("initrd", recipe_.kernel.initrd_modules).Add("tools", Digests(PackageSet::kTools));
    return Step(
        "kernel and modules", kKernelStep, std::move(key), [&](const fs::path& output) -> Status {
          const auto packages = Files(PackageSet::kKernel);
          if (packages.size() != 1)
            return Error{ErrorCode::kConflict, "the lock must have exactly one kernel"};
          LETHE_TRY(ExtractKernel(packages[0].deb,
                                  {recipe_.kernel.modules, recipe_.kernel.initrd_modules}, output));
          const std::string version = LETHE_TRY(ReadFile(output / "version"));
          LETHE_TRY_IN(RunInRoot({.root = tools_,
                                  .binds = {{output / "root", "/work", true}},
                                  .argv = {"depmod", "-b", "/work", version}}),
                       "indexing modules");
          // depmod's list of what each module needs is all that the image has to know.
          return RemoveTree(output / "root" / "lib");
        });
  }

  Result<fs::path> ComponentStep(const recipe::Component& component, const fs::path& repository) {
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

  // `identity` gives the file system its UUID.
  Result<fs::path> RootImage(const Tree& tree, uint64_t epoch_unix_s,
                             const crypto::Sha256Digest& identity) {
    const std::string hex = identity.Hex();
    const std::string uuid = hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-8" + hex.substr(13, 3) +
                             "-8" + hex.substr(17, 3) + "-" + hex.substr(20, 12);
    KeyBuilder key(kRootImageStep);
    key.Add("tree", TreeDigest(tree)).Add("epoch", std::to_string(epoch_unix_s)).Add("uuid", uuid);
    key.Add("tools", Digests(PackageSet::kTools))
        .Add("compression", kCompression)
        .Add("cluster", kClusterBytes);
    return Step(
        "root image", kRootImageStep, std::move(key), [&](const fs::path& output) -> Status {
          const ScratchDir work = LETHE_TRY(ScratchDir::Create(output, "work-"));
          LETHE_TRY(WriteTar(tree, epoch_unix_s, work.path() / "root.tar"));
          LETHE_TRY_IN(
              RunInRoot(
                  {.root = tools_,
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

  Status UnpackTools() {
    tools_ = LETHE_TRY(BuildRoot(PackageSet::kTools, "unpack tools"));
    return {};
  }
  const fs::path& tools() const { return tools_; }

 private:
  const BuildOptions& options_;
  const Store& store_;
  StepCache& cache_;
  BuildObserver& observer_;
  const recipe::Recipe& recipe_;
  const recipe::Lock& lock_;
  fs::path tools_;
};

std::vector<ManifestNode> NodesOf(const Tree& tree) {
  std::vector<ManifestNode> nodes;
  for (const auto& [path, node] : tree.nodes()) {
    nodes.push_back({path, node.type, node.mode, node.uid, node.gid, node.content.bytes().size(),
                     node.sha256, node.target, node.package});
  }
  return nodes;
}

// Packages that have at least one file in the image.
std::vector<ManifestPackage> PackagesOf(const Tree& tree, const recipe::Lock& lock) {
  std::map<std::string, uint64_t> bytes;
  for (const auto& [path, node] : tree.nodes()) {
    if (node.type != NodeType::kDirectory && !node.package.empty())
      bytes[node.package] += node.content.bytes().size();
  }
  std::vector<ManifestPackage> out;
  for (const LockedPackage& p : lock.packages) {
    const auto it = bytes.find(p.name);
    if (it == bytes.end()) continue;
    out.push_back(
        {p.name, p.version, p.architecture, p.source, p.source_version, p.sha256, it->second});
  }
  return out;
}

// Room for what describes the ISO itself: the manifest with digests still zero and sizes at their
// widest, and the sums. Both are written before the ISO is laid out and filled in afterwards.
struct Placeholders {
  std::string manifest;
  std::string sums;
};

Placeholders MakePlaceholders(Manifest manifest) {
  Placeholders out;
  manifest.iso.clear();
  for (const std::string_view path :
       {std::string_view("/boot/boot.cat"), std::string_view("/boot/eltorito.img"), kIsoInitrdPath,
        kIsoKernelPath, kIsoSbomPath}) {
    manifest.iso.push_back({std::string(path), UINT32_MAX, {}});
    out.sums += crypto::Sha256Digest{}.Hex() + "  " + std::string(path.substr(1)) + "\n";
  }
  out.sums += crypto::Sha256Digest{}.Hex() + "  " + std::string(kIsoManifestPath.substr(1)) + "\n";
  out.manifest = WriteManifest(manifest);
  return out;
}

// Overwrites one file of a finished ISO in place; shorter text is filled up with line ends.
Status Place(const fs::path& iso_file, const IsoListing& listing, std::string_view path,
             std::string bytes) {
  const IsoFile* file = FindIsoFile(listing, path);
  LETHE_ASSERT(file != nullptr && bytes.size() <= file->size);
  bytes.append(file->size - bytes.size(), '\n');
  const Fd fd = LETHE_TRY(OpenFile(iso_file, O_WRONLY));
  if (::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(file->offset)) !=
      static_cast<ssize_t>(bytes.size())) {
    return IoError("writing", iso_file);
  }
  return {};
}

// Fills in the digests of the files (the ISO writer changes one of them), of the structure, and the
// sums.
Status SealIso(const fs::path& iso_file, Manifest& manifest) {
  const MappedFile iso = LETHE_TRY(MapFile(iso_file));
  const IsoListing listing = LETHE_TRY(ReadIso(iso.bytes));
  std::map<std::string, crypto::Sha256Digest> digests;
  manifest.iso.clear();
  for (const IsoFile& file : listing.files) {
    if (file.path == kIsoManifestPath || file.path == kIsoSumsPath) continue;
    digests[file.path] = crypto::Sha256Of(iso.bytes.substr(file.offset, file.size));
    manifest.iso.push_back({file.path, file.size, digests[file.path]});
  }
  manifest.iso_structure = IsoStructureDigest(iso.bytes, listing);
  LETHE_TRY(Place(iso_file, listing, kIsoManifestPath, WriteManifest(manifest)));
  const IsoFile* placed = FindIsoFile(listing, kIsoManifestPath);
  digests[std::string(kIsoManifestPath)] =
      crypto::Sha256Of(iso.bytes.substr(placed->offset, placed->size));
  std::string sums;
  for (const auto& [path, digest] : digests) sums += digest.Hex() + "  " + path.substr(1) + "\n";
  return Place(iso_file, listing, kIsoSumsPath, sums);
}

Status CheckBudget(const recipe::Recipe& recipe, uint64_t iso_bytes) {
  if (iso_bytes <= uint64_t{recipe.max_iso_mib} << 20) return {};
  return Error{ErrorCode::kConflict, "the ISO has " + std::to_string(iso_bytes >> 20) +
                                         " MiB, the recipe's budget is " +
                                         std::to_string(recipe.max_iso_mib) + " MiB"};
}

// A build with another lock than the committed one is not the commit: it is dirty.
Result<ImageVersion> VersionOf(const recipe::Recipe& recipe, const recipe::Lock& lock) {
  ImageVersion version = LETHE_TRY(ReadVersion(recipe.directory));
  const auto committed = ReadFile(recipe.directory / "recipe.lock");
  if (!version.dirty && (!committed || *committed != recipe::WriteLock(lock))) {
    version.dirty = true;
    version.version += "-dirty";
  }
  return version;
}

struct Prepared {
  Tree root;
  Manifest manifest;
  fs::path kernel;  // ExtractKernel's folder
  InitrdInputs initrd;
};

Result<InitrdInputs> CollectInitrd(const recipe::Recipe& recipe, const fs::path& kernel,
                                   const std::vector<fs::path>& components) {
  InitrdInputs inputs;
  inputs.writable = recipe.writable;
  const std::string order = LETHE_TRY(ReadFile(kernel / "initrd-modules"));
  for (const std::string_view path : Lines(order)) {
    inputs.modules.push_back({fs::path(path).filename().string(),
                              LETHE_TRY(ReadFile(kernel / "root" / path.substr(1)))});
  }
  for (const fs::path& component : components) {
    if (fs::exists(component / "initrd" / "init"))
      inputs.init = LETHE_TRY(ReadFile(component / "initrd" / "init"));
  }
  return inputs;
}

Result<Prepared> Prepare(Chain& chain, const recipe::Recipe& recipe, const recipe::Lock& lock,
                         const ImageVersion& version) {
  Prepared out;
  const fs::path repository = LETHE_TRY(RepositoryTop(recipe.directory));
  LETHE_TRY(chain.UnpackTools());
  std::vector<fs::path> components;
  std::vector<Tree> layers;
  for (const auto& component : recipe.components) {
    components.push_back(LETHE_TRY(chain.ComponentStep(component, repository)));
    if (fs::exists(components.back() / "root"))
      layers.push_back(LETHE_TRY(ImportFolder(components.back() / "root", component.name)));
  }
  out.kernel = LETHE_TRY(chain.Kernel());
  layers.push_back(LETHE_TRY(ImportFolder(out.kernel / "root", recipe.kernel.package)));
  Tree configured = LETHE_TRY(chain.ConfiguredRoot());
  out.root = LETHE_TRY(chain.Uncached("compose the root", [&] {
    return ComposeRoot({std::move(configured), std::move(layers), recipe, version});
  }));
  out.initrd = LETHE_TRY(CollectInitrd(recipe, out.kernel, components));
  out.manifest.image_id = recipe.id;
  out.manifest.image_version = version.version;
  out.manifest.commit = version.commit;
  out.manifest.dirty = version.dirty;
  out.manifest.kernel_version = LETHE_TRY(ReadFile(out.kernel / "version"));
  out.manifest.command_line = Join(recipe.kernel.command_line, " ");
  out.manifest.lock = crypto::Sha256Of(recipe::WriteLock(lock));
  out.manifest.root = NodesOf(out.root);
  out.manifest.packages = PackagesOf(out.root, lock);
  return out;
}

// Writes kernel, initrd, bill of materials and the placeholders to `files`.
Status WriteIsoFiles(Prepared& prepared, const recipe::Lock& lock, const ImageVersion& version,
                     const fs::path& files) {
  LETHE_TRY(MakeDirectories(files / "boot"));
  LETHE_TRY(MakeDirectories(files / "lethe"));
  LETHE_TRY(WriteFileAtomic(files / "boot" / "vmlinuz",
                            LETHE_TRY(ReadFile(prepared.kernel / "vmlinuz"))));
  prepared.manifest.initrd =
      LETHE_TRY(WriteInitrd(prepared.initrd, files / kIsoInitrdPath.substr(1)));
  LETHE_TRY(WriteFileAtomic(files / kIsoSbomPath.substr(1),
                            WriteSbom(prepared.manifest, lock, version.epoch_unix_s)));
  const Placeholders placeholders = MakePlaceholders(prepared.manifest);
  LETHE_TRY(WriteFileAtomic(files / kIsoManifestPath.substr(1), placeholders.manifest));
  return WriteFileAtomic(files / kIsoSumsPath.substr(1), placeholders.sums);
}

// Moves the finished files to their names: the ISO last, so that its presence means all is there.
Result<BuildResult> Publish(const fs::path& iso, const fs::path& sbom, Manifest manifest,
                            const BuildOptions& options) {
  BuildResult result;
  const std::string name = manifest.image_id + "-" + manifest.image_version;
  result.iso = options.output / (name + ".iso");
  result.manifest_file = options.output / (name + ".manifest.json");
  result.sbom_file = options.output / (name + ".spdx.json");
  result.iso_sha256 = LETHE_TRY(crypto::Sha256OfFile(iso));
  result.iso_bytes = fs::file_size(iso);
  for (const ManifestBlob& blob : manifest.initrd) {
    if (blob.path == kInitrdRootPath) result.root_image_bytes = blob.size;
  }
  for (const ManifestBlob& blob : manifest.iso) {
    if (blob.path == kIsoInitrdPath) result.initrd_bytes = blob.size;
  }
  LETHE_TRY(WriteFileAtomic(result.manifest_file, WriteManifest(manifest)));
  LETHE_TRY(WriteFileAtomic(result.sbom_file, LETHE_TRY(ReadFile(sbom))));
  LETHE_TRY(SyncPath(iso));
  LETHE_TRY(RenameDurably(iso, result.iso));
  result.manifest = std::move(manifest);
  return result;
}

}  // namespace

Result<BuildResult> BuildImage(const BuildOptions& options, const Store& store,
                               const PackageFetcher& fetch, BuildObserver& observer) {
  const recipe::Recipe recipe = LETHE_TRY(recipe::LoadRecipe(options.recipe));
  const fs::path lock_file = options.lock.empty() ? recipe.directory / "recipe.lock" : options.lock;
  const recipe::Lock lock = LETHE_TRY(recipe::LoadLock(lock_file, recipe));
  const ImageVersion version = LETHE_TRY(VersionOf(recipe, lock));
  StepCache cache = LETHE_TRY(StepCache::Create(store, options.reuse));
  Chain chain(options, store, cache, observer, recipe, lock);
  cache.OnDamage([&](const std::string& what) { observer.Warning(what); });
  LETHE_TRY(MakeDirectories(options.output));
  const OwnedDir scratch = LETHE_TRY(OwnedDir::Create(fs::absolute(options.output), ".build-"));

  LETHE_TRY(chain.Uncached("packages", [&] {
    return EnsurePackages(
        store, lock.packages, fetch,
        {options.jobs * 2, [&](size_t done, size_t total) { observer.StepProgress(done, total); },
         [&](const std::string& what) { observer.Warning(what); }});
  }));
  Prepared prepared = LETHE_TRY(Prepare(chain, recipe, lock, version));
  const crypto::Sha256Digest identity =
      crypto::Sha256Of(prepared.manifest.lock.Hex() + version.commit);
  prepared.initrd.root_image =
      LETHE_TRY(chain.RootImage(prepared.root, version.epoch_unix_s, identity)) / "root.erofs";

  const fs::path files = scratch.path() / "files";
  const fs::path work = scratch.path() / "work";
  const fs::path iso = scratch.path() / "image.iso";
  LETHE_TRY(MakeDirectories(work));
  LETHE_TRY(chain.Uncached("initrd and ISO", [&]() -> Status {
    LETHE_TRY(WriteIsoFiles(prepared, lock, version, files));
    LETHE_TRY(MakeIso({chain.tools(), files, work, "LETHE", prepared.manifest.command_line,
                       version.epoch_unix_s, identity},
                      iso));
    return SealIso(iso, prepared.manifest);
  }));
  LETHE_TRY(CheckBudget(recipe, fs::file_size(iso)));
  return Publish(iso, files / kIsoSbomPath.substr(1), std::move(prepared.manifest), options);
}

}  // namespace lethe::image
