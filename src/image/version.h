// The version of an image, read from git: date of the commit and short hash.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/compose.h"

namespace lethe::image {

// kNotFound where `directory` is in no git repository or the repository has no commit. A tree with
// any difference from the commit (changed, staged or untracked files, or bytes that line-end
// settings, filters or attributes have changed) is dirty.
Result<ImageVersion> ReadVersion(const std::filesystem::path& directory);

// Top folder of the git repository that holds `directory`.
Result<std::filesystem::path> RepositoryTop(const std::filesystem::path& directory);

// Files of the work tree below `paths` (relative to `top`) that git tracks or would track, in byte
// order, relative to `top`. kNotFound for a path that gives none.
Result<std::vector<std::string>> RepositoryFiles(const std::filesystem::path& top,
                                                 const std::vector<std::string>& paths);

}  // namespace lethe::image
