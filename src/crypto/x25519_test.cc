#include "crypto/x25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <vector>

#include "base/hex.h"

namespace lethe::crypto {
namespace {

X25519Key Key(std::string_view hex) {
  const auto bytes = *HexDecode(hex);
  X25519Key out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

// RFC 7748 6.1
TEST(X25519, AgreesAsInRfc7748) {
  const auto alice = Key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const auto bob = Key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto one = X25519(alice, X25519PublicKey(bob));
  const auto two = X25519(bob, X25519PublicKey(alice));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(HexEncode(*one), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(*one, *two);
  EXPECT_EQ(HexEncode(X25519PublicKey(alice)),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(HexEncode(X25519PublicKey(bob)),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

TEST(X25519, RefusesKeysOfLowOrder) {
  EXPECT_FALSE(X25519(Key(std::string(62, '7') + "40"), X25519Key{}));
}

TEST(ChaChaPoly, OpensWhatItSealedAndNothingElse) {
  std::array<uint8_t, 32> key{1, 2, 3};
  const std::string sealed = ChaChaPolySeal(key, "text", "with");
  EXPECT_EQ(sealed.size(), 20U);
  EXPECT_EQ(ChaChaPolyOpen(key, sealed, "with"), "text");
  EXPECT_FALSE(ChaChaPolyOpen(key, sealed, "Without"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(ChaChaPolyOpen(key, flipped, "with")) << i;
  }
  EXPECT_FALSE(ChaChaPolyOpen(key, "short", "with"));
  key[0] = 9;
  EXPECT_FALSE(ChaChaPolyOpen(key, sealed, "with"));
}

std::string SealedByLibrary(const std::array<uint8_t, 32>& key, const std::string& text,
                            const std::string& additional) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  const unsigned char nonce[12] = {};
  std::vector<unsigned char> out(text.size() + 16);
  int size = 0;
  EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), nullptr, key.data(), nonce);
  EVP_EncryptUpdate(context, nullptr, &size,
                    reinterpret_cast<const unsigned char*>(additional.data()),
                    static_cast<int>(additional.size()));
  EVP_EncryptUpdate(context, out.data(), &size, reinterpret_cast<const unsigned char*>(text.data()),
                    static_cast<int>(text.size()));
  EVP_EncryptFinal_ex(context, out.data() + size, &size);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, out.data() + text.size());
  EVP_CIPHER_CTX_free(context);
  return {out.begin(), out.end()};
}

TEST(ChaChaPoly, AgreesWithOpenSsl) {
  std::array<uint8_t, 32> key;
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i * 9 + 2);
  std::string text, additional;
  for (int size = 0; size <= 130; ++size) {
    ASSERT_EQ(ChaChaPolySeal(key, text, additional), SealedByLibrary(key, text, additional))
        << size;
    text += static_cast<char>(size);
    additional += static_cast<char>(size * 3);
  }
}

TEST(XChaChaPoly, OpensWhatItSealedAndNothingElse) {
  const std::array<uint8_t, 32> key{1, 2, 3};
  const std::string nonce(kXChaChaNonceBytes, 'n');
  const std::string sealed = XChaChaPolySeal(key, nonce, "text", "with");
  EXPECT_EQ(XChaChaPolyOpen(key, nonce, sealed, "with"), "text");
  EXPECT_FALSE(XChaChaPolyOpen(key, nonce, sealed, "without"));
  EXPECT_FALSE(XChaChaPolyOpen(key, std::string(kXChaChaNonceBytes, 'm'), sealed, "with"));
  EXPECT_FALSE(XChaChaPolyOpen(key, nonce, "short", "with"));
}

}  // namespace
}  // namespace lethe::crypto
