// Which files below a folder belong to a recipe: git's view of it where there is a repository.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace lethe::recipe {

// Paths relative to `folder` of everything in it that is no folder, sorted by byte; empty where
// `folder` does not exist. Inside a git work tree these are the tracked files and the untracked
// ones that are not ignored, so that editor backups never enter an image; elsewhere all files. kIo
// where git refuses to answer: there is no falling back to all files, which could bring in what git
// leaves out. kMalformed where `folder` is no folder (a link to one is none) or holds more than
// 100,000 files.
Result<std::vector<std::string>> ListSourceFiles(const std::filesystem::path& folder);

}  // namespace lethe::recipe
