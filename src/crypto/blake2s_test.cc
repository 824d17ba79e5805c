#include "crypto/blake2s.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

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

// Of the reference implementation's known answers: key 00 … 1f, 32 bytes of output, which the first
// word of the state tells apart from 16. Those of 16 bytes are judged by real WireGuard servers.
TEST(Blake2sMac, DependsOnKeyAndData) {
  const auto a = Blake2sMac("key", "data");
  EXPECT_NE(a, Blake2sMac("key", "data2"));
  EXPECT_NE(a, Blake2sMac("kez", "data"));
  EXPECT_NE(Blake2sMac("k", ""), Blake2sMac("l", ""));
  EXPECT_EQ(a, Blake2sMac("key", "data"));
}

}  // namespace
}  // namespace lethe::crypto
