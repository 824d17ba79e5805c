#include "crypto/blake2s.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>

#include "base/hex.h"

namespace lethe::crypto {
namespace {

std::string ByLibrary(std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), out, &size, EVP_blake2s256(), nullptr);
  return HexEncode({out, size});
}

std::string HmacByLibrary(std::string_view key, std::string_view data) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_blake2s256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), out, &size);
  return HexEncode({out, size});
}

TEST(Blake2s, GivesTheDigestOfRfc7693AppendixB) {
  EXPECT_EQ(HexEncode(Blake2s("abc")),
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
}

TEST(Blake2s, AgreesWithOpenSslOnEveryLength) {
  std::string data;
  for (int size = 0; size <= 300; ++size) {
    ASSERT_EQ(HexEncode(Blake2s(data)), ByLibrary(data)) << size;
    data += static_cast<char>(size * 7 + 3);
  }
}

TEST(HmacBlake2s, AgreesWithOpenSsl) {
  std::string key, data;
  for (int size = 0; size <= 150; ++size) {
    ASSERT_EQ(HexEncode(HmacBlake2s(key, data)), HmacByLibrary(key, data)) << size;
    key += static_cast<char>(size);
    data += static_cast<char>(size * 5 + 1);
  }
}

std::string MacByLibrary(std::string_view key, std::string_view data) {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "BLAKE2SMAC", nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  size_t size = 16;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t("size", &size),
                                   OSSL_PARAM_construct_end()};
  unsigned char out[16] = {};
  EXPECT_EQ(EVP_MAC_init(context, reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                         parameters),
            1);
  EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  EXPECT_EQ(EVP_MAC_final(context, out, &size, sizeof out), 1);
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  return HexEncode(out);
}

TEST(Blake2sMac, AgreesWithOpenSsl) {
  std::string key, data;
  for (int size = 0; size <= 200; ++size) {
    if (key.size() < 32) key += static_cast<char>(size * 11 + 1);
    ASSERT_EQ(HexEncode(Blake2sMac(key, data)), MacByLibrary(key, data)) << size;
    data += static_cast<char>(size * 3 + 1);
  }
}

}  // namespace
}  // namespace lethe::crypto
