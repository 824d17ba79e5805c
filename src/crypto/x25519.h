// X25519 (RFC 7748) by libsodium, for programs on servers: WireGuard's keys.
#pragma once

#include <array>
#include <cstdint>

namespace lethe::crypto {

using X25519Key = std::array<uint8_t, 32>;

// The public key of a private one (RFC 7748 6.1); clamps as decodeScalar25519 does.
X25519Key X25519PublicKey(const X25519Key& private_key);

}  // namespace lethe::crypto
