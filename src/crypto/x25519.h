// X25519 (RFC 7748), ChaCha20-Poly1305 (RFC 8439) and its variant with the nonce of XChaCha20
// (draft-irtf-cfrg-xchacha), by libsodium: what a WireGuard handshake needs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

using X25519Key = std::array<uint8_t, 32>;

X25519Key X25519PublicKey(const X25519Key& secret);
// Nothing where the shared secret is all zeros (a public key of low order).
std::optional<X25519Key> X25519(const X25519Key& secret, const X25519Key& public_key);

// With the nonce 0: a key seals one message only. The tag follows the text.
std::string ChaChaPolySeal(const std::array<uint8_t, 32>& key, std::string_view text,
                           std::string_view additional);
// Nothing where it was not sealed so.
std::optional<std::string> ChaChaPolyOpen(const std::array<uint8_t, 32>& key,
                                          std::string_view sealed, std::string_view additional);

inline constexpr size_t kXChaChaNonceBytes = 24;
// Precondition of both: the nonce has that many bytes.
std::string XChaChaPolySeal(const std::array<uint8_t, 32>& key, std::string_view nonce,
                            std::string_view text, std::string_view additional);
std::optional<std::string> XChaChaPolyOpen(const std::array<uint8_t, 32>& key,
                                           std::string_view nonce, std::string_view sealed,
                                           std::string_view additional);

}  // namespace lethe::crypto
