#include "crypto/sha1.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace lethe::crypto {

Sha1Digest Sha1Of(std::string_view bytes) {
  Sha1Digest digest;
  unsigned size = 0;
  LETHE_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr) ==
                   1 &&
               size == digest.size());
  return digest;
}

}  // namespace lethe::crypto
