#include "crypto/sha512.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace lethe::crypto {

Sha512Digest Sha512Of(std::string_view bytes) {
  Sha512Digest digest;
  unsigned size = 0;
  LETHE_ASSERT(
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha512(), nullptr) == 1 &&
      size == digest.size());
  return digest;
}

}  // namespace lethe::crypto
