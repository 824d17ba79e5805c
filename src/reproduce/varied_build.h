// One build of a commit by a child process, with some axes varied.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "base/result.h"
#include "reproduce/surroundings.h"

namespace lethe::reproduce {

// Checks the commit out, builds its image with nothing taken from step caches, and leaves ISO,
// manifest and bill of materials in the existing folder `result`. Work lies in the store's `tmp`.
// With no axes, the build's surroundings are the caller's. Errors are those of the build program,
// told by its exit code, with what it said. Axes of the guest are not for this function.
Status BuildVaried(const BuildInputs& inputs, const AxisSet& axes,
                   const std::filesystem::path& result);

// Copies the packages that the recipe's lock names from the store to another one, which must not
// exist. Those that are missing are kUnavailable, with their names.
Status CopyPackages(const std::filesystem::path& recipe, const std::filesystem::path& store,
                    const std::filesystem::path& to);

// Turns the end of a build program into a Status: exit codes as ExitCode() maps them.
Status StatusOfBuild(int exit_code, const std::string& said);

// Copies the regular files of folder `from` into folder `to`, but for those named in `without`.
Status KeepBuilt(const std::filesystem::path& from, const std::filesystem::path& to,
                 const std::set<std::string>& without = {});

}  // namespace lethe::reproduce
