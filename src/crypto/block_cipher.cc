#include "crypto/block_cipher.h"

#include "crypto/openssl.h"

namespace lethe::crypto {
namespace {

const EVP_CIPHER* CbcOf(const std::string& key) {
  switch (key.size()) {
    case 16:
      return EVP_aes_128_cbc();
    case 24:
      return EVP_aes_192_cbc();
    default:
      LETHE_ASSERT(key.size() == 32);
      return EVP_aes_256_cbc();
  }
}

struct Job {
  const EVP_CIPHER* cipher;
  const std::string& key;
  std::string_view iv;
  int encrypt;
};

std::string Run(const Job& job, std::string_view text) {
  const CipherContext context(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0');
  int size = 0, rest = 0;
  unsigned char none[EVP_MAX_BLOCK_LENGTH];
  LETHE_ASSERT(context != nullptr &&
               EVP_CipherInit_ex(context.get(), job.cipher, nullptr, Unsigned(job.key),
                                 job.iv.empty() ? nullptr : Unsigned(job.iv), job.encrypt) == 1 &&
               EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1);
  LETHE_ASSERT(text.empty() || EVP_CipherUpdate(context.get(), Unsigned(out), &size, Unsigned(text),
                                                static_cast<int>(text.size())) == 1);
  LETHE_ASSERT(EVP_CipherFinal_ex(context.get(), none, &rest) == 1 && rest == 0 &&
               static_cast<size_t>(size) == text.size());
  return out;
}

}  // namespace

std::string AesCbcEncrypt(const std::string& key, std::string_view iv, std::string_view text) {
  LETHE_ASSERT(iv.size() == kAesBlockBytes && text.size() % kAesBlockBytes == 0);
  return Run({CbcOf(key), key, iv, 1}, text);
}

std::optional<std::string> AesCbcDecrypt(const std::string& key, std::string_view iv,
                                         std::string_view text) {
  if (iv.size() != kAesBlockBytes || text.size() % kAesBlockBytes != 0) return {};
  return Run({CbcOf(key), key, iv, 0}, text);
}

std::string DesBlock(const std::string& key, std::string_view block) {
  LETHE_ASSERT(key.size() == 8 && block.size() == 8);
  // Three times the same key is DES, which OpenSSL has put away.
  const std::string triple = key + key + key;
  return Run({EVP_des_ede3_ecb(), triple, "", 1}, block);
}

}  // namespace lethe::crypto
