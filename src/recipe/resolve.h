// From a recipe to its lock: fetches the signed indices of the recipe's suites, verifies them, and
// resolves the package sets.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "debian/mirrors.h"
#include "recipe/lock.h"
#include "recipe/recipe.h"

namespace lethe::recipe {

// Debian's archive keys, as its package debian-archive-keyring installs them.
inline constexpr const char* kDebianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

struct LockOptions {
  debian::Mirrors mirrors;
  std::filesystem::path keyring = kDebianKeyring;
  bool allow_expired_index = false;  // accept an index after its Valid-Until
  int64_t now_unix_s = 0;
  std::function<void(const std::string& what)> progress;
};

// Each set (image, tools, compilers) is resolved on its own, with all essential packages; the
// kernel set is one package, the firmware and microcode sets are what the recipe names: all three
// without their dependencies. kMalformed for an index that breaks its format; kUntrusted for a
// signature or digest that does not hold and for the index of another suite; kExpired for an index
// past its Valid-Until; kNotFound for a package, component or keyring that does not exist;
// kUnavailable for mirrors that cannot be reached or lack the index; kConflict for needs that
// cannot be met.
Result<Lock> ResolveRecipe(const Recipe& recipe, const LockOptions& options);

}  // namespace lethe::recipe
