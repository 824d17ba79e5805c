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

// kUntrusted for a signature or digest that does not hold, kExpired for an index past its
// Valid-Until, kUnavailable for mirrors that cannot be reached, kConflict for needs that cannot be met.
Result<Lock> ResolveRecipe(const Recipe& recipe, const LockOptions& options);

// The text inside an InRelease file, only if gpgv finds a good signature by a key of the keyring.
struct VerifiedRelease {
  std::string text;
  std::string signed_by;  // fingerprints of the primary keys, sorted, space separated
};
Result<VerifiedRelease> VerifyInRelease(const std::string& in_release, const std::filesystem::path& keyring, const std::string& suite);

}  // namespace lethe::recipe
