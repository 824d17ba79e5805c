#include "crypto/x25519.h"

#include <sodium/crypto_scalarmult_curve25519.h>

namespace lethe::crypto {

X25519Key X25519PublicKey(const X25519Key& private_key) {
  X25519Key out;
  crypto_scalarmult_curve25519_base(out.data(), private_key.data());
  return out;
}

}  // namespace lethe::crypto
