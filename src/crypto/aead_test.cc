#include "crypto/aead.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/test_bytes.h"

namespace lethe::crypto {
namespace {

// Test case 16 of the GCM specification (McGrew, Viega).
TEST(Aead, AesGcmSealsAsItsSpecificationSays) {
  const AeadKey key{Aead::kAesGcm,
                    FromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")};
  const std::string nonce = FromHex("cafebabefacedbaddecaf888");
  const std::string additional = FromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string text = FromHex(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6"
      "b525b16aedf5aa0de657ba637b39");
  const std::string sealed = AeadSeal(key, nonce, text, additional);
  EXPECT_EQ(HexEncode(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b"
            "1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(AeadOpen(key, nonce, sealed, additional), text);
}

// RFC 8439, 2.8.2
TEST(Aead, ChaChaPolySealsAsItsSpecificationSays) {
  std::string raw;
  for (int i = 0x80; i < 0xa0; ++i) raw += static_cast<char>(i);
  const AeadKey key{Aead::kChaCha20Poly1305, raw};
  const std::string text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
      "sunscreen would be it.";
  const std::string nonce = FromHex("070000004041424344454647");
  const std::string additional = FromHex("50515253c0c1c2c3c4c5c6c7");
  const std::string sealed = AeadSeal(key, nonce, text, additional);
  EXPECT_TRUE(HexEncode(sealed).starts_with("d31a8d34648e60db7b86afbc53ef7ec2"));
  EXPECT_TRUE(HexEncode(sealed).ends_with("1ae10b594f09e26a7e902ecbd0600691"));
  EXPECT_EQ(AeadOpen(key, nonce, sealed, additional), text);
}

TEST(Aead, OpensNothingThatWasChangedOrCut) {
  for (const Aead kind : {Aead::kAesGcm, Aead::kChaCha20Poly1305}) {
    const AeadKey key{kind, std::string(32, 'k')};
    const std::string nonce(kAeadNonceBytes, 'n');
    const std::string sealed = AeadSeal(key, nonce, "text", "head");
    EXPECT_EQ(AeadOpen(key, nonce, sealed, "head"), "text");
    EXPECT_EQ(AeadOpen(key, nonce, sealed, "heads"), std::nullopt);
    EXPECT_EQ(AeadOpen(key, std::string(kAeadNonceBytes, 'm'), sealed, "head"), std::nullopt);
    for (size_t i = 0; i < sealed.size(); ++i) {
      std::string other = sealed;
      other[i] = static_cast<char>(other[i] ^ 1);
      EXPECT_EQ(AeadOpen(key, nonce, other, "head"), std::nullopt) << i;
      EXPECT_EQ(AeadOpen(key, nonce, sealed.substr(0, i), "head"), std::nullopt) << i;
    }
    EXPECT_EQ(AeadOpen(key, nonce, AeadSeal(key, nonce, "", ""), ""), "");
  }
}

}  // namespace
}  // namespace lethe::crypto
