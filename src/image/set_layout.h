// The names of the members of a store's set. Format: docs/formats/store.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace lethe::image {

inline constexpr std::string_view kSumsName = "SHA256SUMS";  // sorts first
inline constexpr std::string_view kLockName = "recipe.lock";

// "objects/ab/ab…", as in the store itself.
std::string ObjectName(const crypto::Sha256Digest& digest);
// The other way round; nothing for any other name.
std::optional<crypto::Sha256Digest> DigestOfName(std::string_view name);

}  // namespace lethe::image
