// BLAKE2s (RFC 7693), which libsodium lacks: the hash of WireGuard's handshake. Not for secrets
// that live long: nothing is wiped.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lethe::crypto {

using Blake2sDigest = std::array<uint8_t, 32>;

Blake2sDigest Blake2s(std::string_view data);
// Keyed, 16 bytes of output. Precondition: the key has 1 to 32 bytes.
std::array<uint8_t, 16> Blake2sMac(std::string_view key, std::string_view data);
// HMAC (RFC 2104) with BLAKE2s.
Blake2sDigest HmacBlake2s(std::string_view key, std::string_view data);

}  // namespace lethe::crypto
