// SHA-512 (FIPS 180-4), by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lethe::crypto {

using Sha512Digest = std::array<uint8_t, 64>;

Sha512Digest Sha512Of(std::string_view bytes);

}  // namespace lethe::crypto
