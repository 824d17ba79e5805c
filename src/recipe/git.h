// Asks git about a work tree, such that neither variables of the caller (a hook's GIT_DIR names
// another repository) nor the user's settings change the answer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace lethe::recipe {

// Runs `git -C folder arguments…` and returns its stdout; `input` is fed to its stdin. Of the
// environment only PATH, HOME and XDG_CONFIG_HOME are kept (the user's safe.directory counts); no
// hook, no file system monitor, no replacement of objects and no conversion of line ends is in
// effect. kNotFound with git's own words where it refuses.
Result<std::string> AskGit(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments,
                           const std::string& input = "");

}  // namespace lethe::recipe
