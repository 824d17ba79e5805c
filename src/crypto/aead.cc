#include "crypto/aead.h"

#include <openssl/err.h>

#include "crypto/openssl.h"

namespace lethe::crypto {
namespace {

const EVP_CIPHER* CipherOf(const AeadKey& key) {
  if (key.kind == Aead::kChaCha20Poly1305) {
    LETHE_ASSERT(key.key.size() == 32);
    return EVP_chacha20_poly1305();
  }
  switch (key.key.size()) {
    case 16:
      return EVP_aes_128_gcm();
    case 24:
      return EVP_aes_192_gcm();
    default:
      LETHE_ASSERT(key.key.size() == 32);
      return EVP_aes_256_gcm();
  }
}

CipherContext Start(const AeadKey& key, std::string_view nonce, std::string_view additional,
                    int seal) {
  LETHE_ASSERT(nonce.size() == kAeadNonceBytes);
  CipherContext context(EVP_CIPHER_CTX_new());
  int size = 0;
  LETHE_ASSERT(context != nullptr &&
               EVP_CipherInit_ex(context.get(), CipherOf(key), nullptr, Unsigned(key.key),
                                 Unsigned(nonce), seal) == 1);
  LETHE_ASSERT(additional.empty() ||
               EVP_CipherUpdate(context.get(), nullptr, &size, Unsigned(additional),
                                static_cast<int>(additional.size())) == 1);
  return context;
}

void Update(EVP_CIPHER_CTX* context, std::string& out, std::string_view text) {
  int size = 0;
  LETHE_ASSERT(text.empty() || (EVP_CipherUpdate(context, Unsigned(out), &size, Unsigned(text),
                                                 static_cast<int>(text.size())) == 1 &&
                                static_cast<size_t>(size) == text.size()));
}

}  // namespace

std::string AeadSeal(const AeadKey& key, std::string_view nonce, std::string_view text,
                     std::string_view additional) {
  const CipherContext context = Start(key, nonce, additional, 1);
  std::string out(text.size() + kAeadTagBytes, '\0');
  Update(context.get(), out, text);
  int size = 0;
  unsigned char* tag = Unsigned(out) + text.size();
  LETHE_ASSERT(EVP_CipherFinal_ex(context.get(), tag, &size) == 1 && size == 0);
  LETHE_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag) == 1);
  return out;
}

std::optional<std::string> AeadOpen(const AeadKey& key, std::string_view nonce,
                                    std::string_view sealed, std::string_view additional) {
  if (sealed.size() < kAeadTagBytes) return {};
  const CipherContext context = Start(key, nonce, additional, 0);
  const size_t size = sealed.size() - kAeadTagBytes;
  std::string out(size, '\0');
  Update(context.get(), out, sealed.substr(0, size));
  std::string tag(sealed.substr(size));
  LETHE_ASSERT(
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1);
  int rest = 0;
  unsigned char none[1];
  const bool good = EVP_CipherFinal_ex(context.get(), none, &rest) == 1;
  ERR_clear_error();
  if (!good) return {};
  return out;
}

}  // namespace lethe::crypto
