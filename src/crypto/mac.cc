#include "crypto/mac.h"

#include <openssl/hmac.h>

#include "crypto/openssl.h"

namespace lethe::crypto {
size_t HashBytes(Hash hash) { return static_cast<size_t>(EVP_MD_get_size(MdOf(hash))); }

std::string Digest(Hash hash, std::string_view data) {
  std::string out(HashBytes(hash), '\0');
  LETHE_ASSERT(EVP_Digest(data.data(), data.size(), Unsigned(out), nullptr, MdOf(hash), nullptr) ==
               1);
  return out;
}

std::string Hmac(Hash hash, std::string_view key, std::string_view data) {
  std::string out(HashBytes(hash), '\0');
  unsigned size = 0;
  // OpenSSL takes no null pointer for an empty key.
  const unsigned char* bytes = key.empty() ? Unsigned("") : Unsigned(key);
  LETHE_ASSERT(::HMAC(MdOf(hash), bytes, static_cast<int>(key.size()), Unsigned(data), data.size(),
                      Unsigned(out), &size) != nullptr &&
               size == out.size());
  return out;
}

}  // namespace lethe::crypto
