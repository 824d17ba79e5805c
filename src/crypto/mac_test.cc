#include "crypto/mac.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace lethe::crypto {
namespace {

// RFC 2202 and RFC 4231, test case 2.
TEST(Hmac, FollowsItsVectors) {
  constexpr std::string_view kText = "what do ya want for nothing?";
  EXPECT_EQ(HexEncode(Hmac(Hash::kMd5, "Jefe", kText)), "750c783e6ab0b503eaa86e310a5db738");
  EXPECT_EQ(HexEncode(Hmac(Hash::kSha1, "Jefe", kText)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(HexEncode(Hmac(Hash::kSha256, "Jefe", kText)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(Hmac(Hash::kSha384, "Jefe", kText)),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239"
            "ecfab21649");
  EXPECT_TRUE(
      HexEncode(Hmac(Hash::kSha512, "Jefe", kText)).starts_with("164b7a7bfcf819e2e395fbe73b56e0"));
}

TEST(Hmac, TakesAnEmptyKey) {
  EXPECT_EQ(HexEncode(Hmac(Hash::kSha256, "", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

// RFC 1321; FIPS 180-4's "abc".
TEST(Digest, FollowsItsVectors) {
  EXPECT_EQ(HexEncode(Digest(Hash::kMd5, "abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(HexEncode(Digest(Hash::kSha1, "abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(HexEncode(Digest(Hash::kSha256, "abc")).substr(0, 16), "ba7816bf8f01cfea");
  for (const Hash hash : {Hash::kMd5, Hash::kSha1, Hash::kSha256, Hash::kSha384, Hash::kSha512})
    EXPECT_EQ(Digest(hash, "x").size(), HashBytes(hash));
}

}  // namespace
}  // namespace lethe::crypto
