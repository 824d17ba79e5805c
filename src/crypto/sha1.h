// SHA-1 (FIPS 180-4), for the names that git gives to objects and for nothing else: what they name
// is hashed again with SHA-256 before it is trusted. By OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lethe::crypto {

using Sha1Digest = std::array<uint8_t, 20>;

Sha1Digest Sha1Of(std::string_view bytes);

}  // namespace lethe::crypto
