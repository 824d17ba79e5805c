// ECDSA on the curve P-256 with SHA-256 (FIPS 186-4), by OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

inline constexpr size_t kP256PointBytes = 65;      // 0x04, x, y: uncompressed
inline constexpr size_t kP256SignatureBytes = 64;  // r, s: big-endian, 32 bytes each
inline constexpr size_t kP256ScalarBytes = 32;

// Whether these are 65 bytes that encode a point of the curve, which is not the one at infinity.
bool IsP256Point(std::string_view point);

struct EcdsaSignature {
  std::string_view point;  // the public key
  std::string_view raw;    // r and s
};
// False for a bad point, another length, and r or s outside 1 … n-1 too.
bool VerifyEcdsaP256(const EcdsaSignature& signature, std::string_view message);

// As VerifyEcdsaP256 where r and s stand in DER (RFC 3279), as X.509 and FIDO write them.
bool VerifyEcdsaP256Der(const EcdsaSignature& signature, std::string_view message);

// A key pair from its secret number. For test keys only: people's keys live in hardware.
class EcdsaP256Key {
 public:
  // Nothing where the scalar is not 32 bytes, or outside 1 … n-1.
  static std::optional<EcdsaP256Key> FromScalar(std::string_view scalar);
  const std::string& point() const { return point_; }
  // r and s. Two signatures of one message differ.
  std::string Sign(std::string_view message) const;
  std::string SignDer(std::string_view message) const;

 private:
  EcdsaP256Key(std::string scalar, std::string point)
      : scalar_(std::move(scalar)), point_(std::move(point)) {}
  std::string scalar_;
  std::string point_;
};

}  // namespace lethe::crypto
