// One commit of a repository as a work tree with exactly the commit's bytes: no hook, filter,
// setting or attribute of the user or of the repository takes part.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace lethe::reproduce {

// Makes `tree` (which must not exist) a repository of its own with the one commit checked out; it
// shares nothing with `repository` afterwards. kNotFound, with the commit's name, where the
// repository does not have it; kUsage where `repository` is none.
Status CheckOut(const std::filesystem::path& repository, const std::string& commit,
                const std::filesystem::path& tree);

}  // namespace lethe::reproduce
