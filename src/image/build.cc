#include "image/build.h"

#include <functional>
#include <map>

#include "base/file.h"
#include "base/parallel.h"
#include "base/strings.h"
#include "image/capture.h"
#include "image/chain.h"
#include "image/compose.h"
#include "image/firmware.h"
#include "image/initrd.h"
#include "image/iso.h"
#include "image/microcode.h"
#include "image/sbom.h"
#include "image/seal.h"
#include "image/uki.h"
#include "image/version.h"
#include "recipe/lock.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;
using recipe::LockedPackage;

std::vector<ManifestNode> NodesOf(const Tree& tree) {
  std::vector<ManifestNode> nodes;
  for (const auto& [path, node] : tree.nodes()) {
    nodes.push_back({path, node.type, node.mode, node.uid, node.gid, node.content.bytes().size(),
                     node.sha256, node.target, node.package});
  }
  return nodes;
}

// Packages that have at least one file in the image.
std::vector<ManifestPackage> PackagesOf(const Tree& tree, const recipe::Lock& lock,
                                        const std::vector<RebuiltPackage>& rebuilt) {
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
        {p.name, p.version, p.architecture, p.source, p.source_version, p.sha256, it->second, {}});
    for (const RebuiltPackage& own : rebuilt) {
      if (own.name != p.name) continue;
      out.back().version = own.version;
      out.back().sha256 = own.sha256;
      out.back().patches = own.patches;
    }
  }
  return out;
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

// "." where the recipe is the repository's top.
Result<std::string> FolderInRepository(const fs::path& recipe, const fs::path& repository) {
  std::error_code error;
  const fs::path real = fs::canonical(recipe, error);
  const fs::path top = error ? fs::path() : fs::canonical(repository, error);
  if (error) return Error{ErrorCode::kIo, "finding " + recipe.string() + ": " + error.message()};
  return real.lexically_relative(top).string();
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

// The versioned package behind the one that the recipe names.
std::string KernelPackage(const recipe::Lock& lock) {
  for (const LockedPackage& package : lock.packages) {
    if (package.in.contains(recipe::PackageSet::kKernel)) return package.name;
  }
  return "";
}

// Runs pieces of work that do not need each other; of several errors the first one's counts.
Status Together(unsigned jobs, const std::vector<std::function<Status()>>& pieces) {
  return ParallelFor(pieces.size(), jobs, [&](size_t i) { return pieces[i](); });
}

Result<Prepared> Prepare(Chain& chain, unsigned jobs, const recipe::Recipe& recipe,
                         const recipe::Lock& lock, const ImageVersion& version) {
  Prepared out;
  const fs::path repository = LETHE_TRY(RepositoryTop(recipe.directory));
  std::vector<fs::path> components;
  std::vector<RebuiltPackage> rebuilt;
  fs::path firmware;
  fs::path microcode;
  Tree configured;
  LETHE_TRY(Together(jobs, {[&]() -> Status {
                              LETHE_TRY(chain.UnpackTools());
                              out.kernel = LETHE_TRY(chain.Kernel());
                              firmware = LETHE_TRY(chain.Firmware(out.kernel));
                              microcode = LETHE_TRY(chain.Microcode());
                              return {};
                            },
                            [&]() -> Status {
                              for (const auto& component : recipe.components)
                                components.push_back(
                                    LETHE_TRY(chain.Component(component, repository)));
                              for (const auto& patched : recipe.patched) {
                                for (auto& package : LETHE_TRY(chain.Rebuilt(patched)))
                                  rebuilt.push_back(std::move(package));
                              }
                              configured = LETHE_TRY(chain.ConfiguredRoot(rebuilt));
                              return {};
                            }}));
  std::vector<Tree> layers;
  for (size_t i = 0; i < components.size(); ++i) {
    if (fs::exists(components[i] / "root"))
      layers.push_back(LETHE_TRY(ImportFolder(components[i] / "root", recipe.components[i].name)));
  }
  layers.push_back(LETHE_TRY(ImportFolder(out.kernel / "root", KernelPackage(lock))));
  for (const fs::path& folder : {firmware, microcode / "copyrights"}) {
    for (Tree& layer : LETHE_TRY(ImportPackages(folder))) layers.push_back(std::move(layer));
  }
  out.root = LETHE_TRY(chain.Uncached("compose the root", [&] {
    return ComposeRoot({std::move(configured), std::move(layers), recipe, version});
  }));
  out.initrd = LETHE_TRY(CollectInitrd(recipe, out.kernel, components));
  out.initrd.microcode = LETHE_TRY(ReadMicrocode(microcode));
  out.manifest.image_id = recipe.id;
  out.manifest.image_version = version.version;
  out.manifest.commit = version.commit;
  out.manifest.dirty = version.dirty;
  out.manifest.recipe = LETHE_TRY(FolderInRepository(recipe.directory, repository));
  out.manifest.builder = BuilderSteps();
  out.manifest.kernel_version = LETHE_TRY(ReadFile(out.kernel / "version"));
  out.manifest.command_line = Join(recipe.kernel.command_line, " ");
  out.manifest.lock = crypto::Sha256Of(recipe::WriteLock(lock));
  out.manifest.root = NodesOf(out.root);
  out.manifest.packages = PackagesOf(out.root, lock, rebuilt);
  return out;
}

// The unified kernel image of what lies in `files` for the ISO.
Status WriteUki(Prepared& prepared, const fs::path& tools, const fs::path& files,
                const fs::path& output) {
  auto stub = ReadFile(tools / kStubPath.substr(1));
  if (!stub)
    return stub.error().In("the stub of the UKI: [debian] tools must have systemd-boot-efi");
  const MappedFile kernel = LETHE_TRY(MapFile(files / kIsoKernelPath.substr(1)));
  const MappedFile initrd = LETHE_TRY(MapFile(files / kIsoInitrdPath.substr(1)));
  const TreeNode* os_release = prepared.root.Find("/usr/lib/os-release");
  LETHE_ASSERT(os_release != nullptr);
  const std::string uki = LETHE_TRY(AssembleUki({.stub = *stub,
                                                 .os_release = os_release->content.bytes(),
                                                 .command_line = prepared.manifest.command_line,
                                                 .kernel_version = prepared.manifest.kernel_version,
                                                 .initrd = initrd.bytes,
                                                 .kernel = kernel.bytes}));
  prepared.manifest.uki = LETHE_TRY(DescribeUki(uki));
  return WriteFileAtomic(output, uki);
}

// Writes kernel, initrd, bill of materials and the placeholders to `files`, and the UKI.
Status WriteIsoFiles(Prepared& prepared, const recipe::Lock& lock, const ImageVersion& version,
                     const fs::path& tools, const fs::path& files, const fs::path& uki) {
  LETHE_TRY(MakeDirectories(files / "boot"));
  LETHE_TRY(MakeDirectories(files / "lethe"));
  LETHE_TRY(WriteFileAtomic(files / "boot" / "vmlinuz",
                            LETHE_TRY(ReadFile(prepared.kernel / "vmlinuz"))));
  prepared.manifest.initrd =
      LETHE_TRY(WriteInitrd(prepared.initrd, files / kIsoInitrdPath.substr(1)));
  LETHE_TRY(WriteUki(prepared, tools, files, uki));
  LETHE_TRY(WriteFileAtomic(files / kIsoSbomPath.substr(1),
                            WriteSbom(prepared.manifest, lock, version.epoch_unix_s)));
  const Placeholders placeholders = MakePlaceholders(prepared.manifest);
  LETHE_TRY(WriteFileAtomic(files / kIsoManifestPath.substr(1), placeholders.manifest));
  return WriteFileAtomic(files / kIsoSumsPath.substr(1), placeholders.sums);
}

// Moves the finished files to their names: the ISO last, so that its presence means all is there.
Result<BuildResult> Publish(const fs::path& iso, const fs::path& uki, const fs::path& sbom,
                            Manifest manifest, const BuildOptions& options) {
  BuildResult result;
  const std::string name = manifest.image_id + "-" + manifest.image_version;
  result.iso = options.output / (name + ".iso");
  result.uki = options.output / (name + ".efi");
  result.manifest_file = options.output / (name + ".manifest.json");
  result.sbom_file = options.output / (name + ".spdx.json");
  result.iso_sha256 = LETHE_TRY(crypto::Sha256OfFile(iso));
  result.iso_bytes = fs::file_size(iso);
  result.uki_bytes = fs::file_size(uki);
  for (const ManifestBlob& blob : manifest.initrd) {
    if (blob.path == kInitrdRootPath) result.root_image_bytes = blob.size;
  }
  for (const ManifestBlob& blob : manifest.iso) {
    if (blob.path == kIsoInitrdPath) result.initrd_bytes = blob.size;
  }
  LETHE_TRY(WriteFileAtomic(result.manifest_file, WriteManifest(manifest)));
  LETHE_TRY(WriteFileAtomic(result.sbom_file, LETHE_TRY(ReadFile(sbom))));
  for (const auto& [from, to] : {std::pair(uki, result.uki), std::pair(iso, result.iso)}) {
    LETHE_TRY(SyncPath(from));
    LETHE_TRY(RenameDurably(from, to));
  }
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
  cache.OnDamage([&](const std::string& what) { chain.observer().Warning(what); });
  LETHE_TRY(MakeDirectories(options.output));
  const OwnedDir scratch = LETHE_TRY(OwnedDir::Create(fs::absolute(options.output), ".build-"));

  LETHE_TRY(chain.Uncached("packages", [&] {
    return EnsurePackages(
        store, recipe::FilesOf(lock), fetch,
        {options.jobs * 2,
         [&](size_t done, size_t total) { chain.observer().Progress("packages", done, total); },
         [&](const std::string& what) { chain.observer().Warning(what); }});
  }));
  Prepared prepared = LETHE_TRY(Prepare(chain, options.jobs, recipe, lock, version));
  const crypto::Sha256Digest identity =
      crypto::Sha256Of(prepared.manifest.lock.Hex() + version.commit);
  const fs::path files = scratch.path() / "files";
  const fs::path work = scratch.path() / "work";
  const fs::path iso = scratch.path() / "image.iso";
  const fs::path uki = scratch.path() / "image.efi";
  LETHE_TRY(MakeDirectories(work));
  const IsoInputs inputs{
      chain.tools(),        files,   work, "LETHE", prepared.manifest.command_line,
      version.epoch_unix_s, identity};
  LETHE_TRY(Together(
      options.jobs,
      {[&]() -> Status {
         const fs::path image =
             LETHE_TRY(chain.RootImage(prepared.root, version.epoch_unix_s, identity));
         prepared.initrd.root_image = image / "root.erofs";
         return {};
       },
       [&] { return chain.Uncached("boot loader", [&] { return MakeBootImages(inputs); }); }}));
  LETHE_TRY(chain.Uncached("initrd, UKI and ISO", [&]() -> Status {
    LETHE_TRY(WriteIsoFiles(prepared, lock, version, chain.tools(), files, uki));
    LETHE_TRY(WriteIso(inputs, iso));
    return SealIso(iso, prepared.manifest);
  }));
  LETHE_TRY(CheckBudget(recipe, fs::file_size(iso)));
  return Publish(iso, uki, files / kIsoSbomPath.substr(1), std::move(prepared.manifest), options);
}

}  // namespace lethe::image
