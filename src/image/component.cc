#include "image/component.h"

#include "base/file.h"
#include "image/sandbox.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

Status CopySources(const ComponentBuild& build, const fs::path& to) {
  for (const std::string& file : build.files) {
    const fs::path from = build.repository / file;
    const fs::path target = to / file;
    LETHE_TRY(MakeDirectories(target.parent_path()));
    const auto status = fs::symlink_status(from);
    if (!fs::is_regular_file(status)) {
      return Error{ErrorCode::kMalformed, "source " + file + " is not a regular file"};
    }
    const bool executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
    LETHE_TRY(WriteFileAtomic(target, LETHE_TRY(ReadFile(from)), executable ? 0755 : 0644));
  }
  return {};
}

Status Install(const recipe::Component& component, const fs::path& built, const fs::path& output) {
  constexpr std::string_view kInitrd = "initrd:";
  for (const auto& install : component.install) {
    const bool initrd = install.to.starts_with(kInitrd);
    const std::string path = initrd ? install.to.substr(kInitrd.size()) : install.to;
    const fs::path target = output / (initrd ? "initrd" : "root") / path.substr(1);
    LETHE_TRY(MakeDirectories(target.parent_path()));
    const std::string bytes =
        LETHE_TRY_IN(ReadFileBelow(built, install.from), "installing " + install.to);
    LETHE_TRY(WriteFileAtomic(target, bytes, install.mode));
  }
  return {};
}

}  // namespace

Status BuildComponent(const ComponentBuild& build, const fs::path& output) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(output, "work-"));
  const fs::path source = scratch.path() / "src";
  const fs::path work = scratch.path() / "build";
  LETHE_TRY(MakeDirectories(source));
  LETHE_TRY(MakeDirectories(work));
  LETHE_TRY(CopySources(build, source));
  for (const auto& argv : build.component.commands) {
    LETHE_TRY_IN(RunInRoot({.root = build.compiler_root,
                            .binds = {{source, "/src", false}, {work, "/build", true}},
                            .argv = argv,
                            .env = {{"SOURCE_DATE_EPOCH", "1"}},
                            .cwd = "/build"}),
                 "building component " + build.component.name);
  }
  return Install(build.component, work, output);
}

}  // namespace lethe::image
