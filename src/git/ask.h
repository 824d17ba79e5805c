// Asks git about a repository, such that neither variables of the caller (a hook's GIT_DIR names
// another repository) nor the user's settings change the answer.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe::git {

inline constexpr const char* kPackage = "git";  // of Debian

// What git gets of the caller's environment: PATH, HOME and XDG_CONFIG_HOME (the user's
// safe.directory counts), and settings that keep it from locking, fetching and asking.
std::vector<std::pair<std::string, std::string>> Environment();

// "git" and options such that no hook, no file system monitor, no replacement of objects and no
// conversion of line ends is in effect in the repository of `folder`.
std::vector<std::string> CommandLine(const std::filesystem::path& folder);

// Runs `git arguments…` in that way and returns its stdout; `input` is fed to its stdin. kNotFound
// with git's own words where it refuses, kUnavailable where there is no git.
Result<std::string> AskGit(const std::filesystem::path& folder,
                           const std::vector<std::string>& arguments,
                           const std::string& input = "");

}  // namespace lethe::git
