// Ed25519 (RFC 8032) by libsodium, in every program: libraries disagree about signatures that no
// honest signer makes, and two parts of one system must not. The rule is libsodium's, the strict
// one: S below the group order, A and R canonical and not of small order, and the equation without
// cofactor.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lethe::crypto {

inline constexpr size_t kEd25519PublicBytes = 32;
inline constexpr size_t kEd25519SignatureBytes = 64;
inline constexpr size_t kEd25519SeedBytes = 32;

// Whether these are 32 bytes that encode, canonically, a point of the prime-order group.
bool IsEd25519Point(std::string_view public_key);

struct Ed25519Signature {
  std::string_view public_key;
  std::string_view signature;
};
// False for a key or a signature of another length too.
bool VerifyEd25519(const Ed25519Signature& signature, std::string_view message);

// A key pair from its seed (RFC 8032, 5.1.5). For test keys only: people's keys live in hardware.
class Ed25519Key {
 public:
  // Precondition: kEd25519SeedBytes bytes.
  explicit Ed25519Key(std::string_view seed);
  const std::string& public_key() const { return public_key_; }
  std::string Sign(std::string_view message) const;

 private:
  std::string public_key_;
  std::array<uint8_t, 64> secret_{};
};

}  // namespace lethe::crypto
