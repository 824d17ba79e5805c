#include "image/patched.h"

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/strings.h"
#include "image/deb.h"
#include "image/sandbox.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr int kPatchFailed = 9;

// Runs in the root. The changelog's new entry has the date of the last one: that date becomes
// SOURCE_DATE_EPOCH, and so the age of every file in the packages. Packages are not compressed:
// nobody downloads them.
constexpr const char* kBuild = R"sh(set -eu
cd /build
if ! dpkg-source --no-check -x "sources/$DSC" tree >/tmp/unpack.out 2>&1; then
  cat /tmp/unpack.out >&2
  exit 1
fi
cd tree
for patch in /build/patches/*; do
  if ! patch -p1 --fuzz=0 --no-backup-if-mismatch --batch -i "$patch" >/tmp/patch.out 2>&1; then
    echo "$(basename "$patch" | cut -c 6-)" >&2
    cat /tmp/patch.out >&2
    exit 9
  fi
done
version=$(dpkg-parsechangelog -S Version)
date=$(dpkg-parsechangelog -S Date)
{
  printf '%s (%s%s) UNRELEASED; urgency=medium\n\n' "$SOURCE" "$version" "$SUFFIX"
  printf '  * Rebuilt with the patches of the recipe.\n\n'
  printf ' -- Lethe <lethe@localhost>  %s\n\n' "$date"
  cat debian/changelog
} >/tmp/changelog
cat /tmp/changelog >debian/changelog
if ! dpkg-buildpackage -us -uc "$KIND" >/tmp/build.out 2>&1; then
  tail -n 60 /tmp/build.out >&2
  exit 1
fi
)sh";

Status CopyInputs(const PatchedBuild& build, const fs::path& root) {
  LETHE_TRY(RefuseSymlinks(root, "build/sources"));
  LETHE_TRY(RefuseSymlinks(root, "build/patches"));
  LETHE_TRY(MakeDirectories(root / "build" / "sources"));
  LETHE_TRY(MakeDirectories(root / "build" / "patches"));
  for (const SourceFile& file : build.files) {
    LETHE_TRY(WriteFileAtomic(root / "build" / "sources" / file.name,
                              LETHE_TRY(ReadFile(file.file)), 0644));
  }
  for (size_t i = 0; i < build.patches.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%04zu-", i);
    LETHE_TRY(WriteFileAtomic(
        root / "build" / "patches" / (number + build.patches[i].filename().string()),
        LETHE_TRY(ReadFile(build.patches[i])), 0644));
  }
  return {};
}

Status Compile(const PatchedBuild& build, const fs::path& root) {
  const Status status = [&]() -> Status {
    LETHE_TRY(RunInRoot({.root = root,
                         .root_writable = true,
                         .argv = {"/bin/sh", "-c", kBuild},
                         .env = {{"SOURCE", build.source},
                                 {"DSC", build.files[0].name},
                                 {"SUFFIX", build.version_suffix},
                                 {"KIND", build.indep ? "--build=binary" : "--build=any"},
                                 {"DEB_BUILD_PROFILES", "nocheck nodoc"},
                                 {"DEB_BUILD_OPTIONS", "nocheck nodoc noautodbgsym parallel=" +
                                                           std::to_string(build.work.jobs)},
                                 {"DPKG_DEB_COMPRESSOR_TYPE", "none"}}}));
    return {};
  }();
  if (status) return {};
  const std::string place = "rebuilding " + build.source;
  const std::string failed = "exit code " + std::to_string(kPatchFailed) + ":";
  if (status.error().message.find(failed) == std::string::npos) return status.error().In(place);
  return Error{
      ErrorCode::kConflict,
      place + ": a patch does not apply: " +
          status.error().message.substr(status.error().message.find(failed) + failed.size() + 1)};
}

std::string FieldOf(const std::string& control, std::string_view field) {
  for (const std::string_view line : Lines(control)) {
    if (line.starts_with(field) && line.substr(field.size()).starts_with(": "))
      return std::string(Trim(line.substr(field.size() + 2)));
  }
  return "";
}

Status CollectPackages(const PatchedBuild& build, const fs::path& folder, const fs::path& output) {
  std::vector<std::string> missing = build.wanted;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".deb") continue;
    const std::string file = entry.path().filename().string();
    if (!fs::is_regular_file(entry.symlink_status())) {
      return Error{ErrorCode::kMalformed, "rebuilding " + build.source + ": " + Printable(file) +
                                              " is not a regular file"};
    }
    const auto control = LETHE_TRY_IN(ReadDebControl(entry.path()),
                                      "rebuilding " + build.source + ": " + Printable(file));
    const std::string name = FieldOf(control.at("control"), "Package");
    if (std::erase(missing, name) == 0) continue;
    LETHE_TRY(WriteFileAtomic(output / (name + ".deb"), LETHE_TRY(ReadFile(entry.path())), 0644));
  }
  if (error) return Error{ErrorCode::kIo, "reading " + folder.string() + ": " + error.message()};
  if (missing.empty()) return {};
  return Error{ErrorCode::kConflict,
               "rebuilding " + build.source + ": made no package " + Join(missing, ", ")};
}

}  // namespace

Result<std::string> PatchSuffix(const std::vector<fs::path>& patches) {
  std::string text;
  for (const fs::path& patch : patches) {
    text += patch.filename().string() + "\n" + LETHE_TRY(crypto::Sha256OfFile(patch)).Hex() + "\n";
  }
  return "+lethe." + crypto::Sha256Of(text).Hex().substr(0, 8);
}

Status BuildPatched(const PatchedBuild& build, const fs::path& root, const fs::path& output) {
  LETHE_TRY_IN(InstallPackages(build.build_depends, root, build.epoch_unix_s, build.work),
               "build dependencies of " + build.source);
  Status status = RunAsFakeRoot([&] { return CopyInputs(build, root); });
  if (status) status = Compile(build, root);
  // What ran in the root may have left a symlink into the host.
  if (status) status = RefuseSymlinks(root, "build");
  if (status) status = CollectPackages(build, root / "build", output);
  LETHE_TRY(RemoveInstalled(root));
  return status;
}

Result<std::vector<RebuiltPackage>> ReadRebuilt(const fs::path& output) {
  std::vector<RebuiltPackage> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(output, error)) {
    if (entry.path().extension() != ".deb") continue;
    const auto control = LETHE_TRY(ReadDebControl(entry.path()));
    const std::string& text = control.at("control");
    out.push_back({FieldOf(text, "Package"),
                   FieldOf(text, "Architecture"),
                   FieldOf(text, "Version"),
                   LETHE_TRY(crypto::Sha256OfFile(entry.path())),
                   entry.path(),
                   {}});
  }
  if (error) return Error{ErrorCode::kIo, "reading " + output.string() + ": " + error.message()};
  std::sort(out.begin(), out.end(),
            [](const RebuiltPackage& a, const RebuiltPackage& b) { return a.name < b.name; });
  return out;
}

}  // namespace lethe::image
