#include "crypto/ed25519.h"

#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_sign_ed25519.h>

#include "base/assert.h"
#include "crypto/unsigned.h"

// None of these functions needs sodium_init: they draw no random numbers, and have one
// implementation each.
namespace lethe::crypto {

bool IsEd25519Point(std::string_view public_key) {
  return public_key.size() == kEd25519PublicBytes &&
         crypto_core_ed25519_is_valid_point(Unsigned(public_key)) == 1;
}

bool VerifyEd25519(const Ed25519Signature& signature, std::string_view message) {
  return signature.public_key.size() == kEd25519PublicBytes &&
         signature.signature.size() == kEd25519SignatureBytes &&
         crypto_sign_ed25519_verify_detached(Unsigned(signature.signature), Unsigned(message),
                                             message.size(), Unsigned(signature.public_key)) == 0;
}

Ed25519Key::Ed25519Key(std::string_view seed) : public_key_(kEd25519PublicBytes, '\0') {
  static_assert(sizeof(secret_) == crypto_sign_ed25519_SECRETKEYBYTES);
  LETHE_ASSERT(seed.size() == kEd25519SeedBytes);
  crypto_sign_ed25519_seed_keypair(Unsigned(public_key_), secret_.data(), Unsigned(seed));
}

std::string Ed25519Key::Sign(std::string_view message) const {
  std::string signature(kEd25519SignatureBytes, '\0');
  crypto_sign_ed25519_detached(Unsigned(signature), nullptr, Unsigned(message), message.size(),
                               secret_.data());
  return signature;
}

}  // namespace lethe::crypto
