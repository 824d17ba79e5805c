#include "crypto/ms_chap.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/test_bytes.h"
#include "crypto/block_cipher.h"

namespace lethe::crypto {
namespace {

// RFC 1320 A.5
TEST(Md4, FollowsItsVectors) {
  EXPECT_EQ(HexEncode(Md4("")), "31d6cfe0d16ae931b73c59d7e0c089c0");
  EXPECT_EQ(HexEncode(Md4("abc")), "a448017aaf21d8525fc10ae87aa6729d");
  EXPECT_EQ(HexEncode(Md4("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")),
            "043f8582f241db351ce627e153e7f0e4");
  EXPECT_EQ(
      HexEncode(Md4("123456789012345678901234567890123456789012345678901234567890123456789012345678"
                    "90")),
      "e33b4ddc9c38f2199c3e7b164fcc0536");
}

TEST(DesBlock, IsDes) {
  EXPECT_EQ(HexEncode(DesBlock(FromHex("133457799bbcdff1"), FromHex("0123456789abcdef"))),
            "85e813540f0ab405");
}

MsChapInput Rfc2759() {
  return {.user = "User",
          .password = "clientPass",
          .authenticator_challenge = FromHex("5b5d7c7d7b3f2f3e3c2c602132262628"),
          .peer_challenge = FromHex("21402324255e262a28295f2b3a337c7e")};
}

// RFC 2759 9.2, RFC 3079 3.5.3
TEST(MsChap, FollowsItsVectors) {
  const auto chap = MsChap::Make(Rfc2759());
  ASSERT_TRUE(chap);
  EXPECT_EQ(HexEncode(chap->nt_response()), "82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");
  EXPECT_EQ(chap->authenticator_response(), "S=407A5589115FD0D6209F510FE9C04566932CDA56");
  EXPECT_EQ(HexEncode(chap->session_keys().substr(16)), "8b7cdc149b993a1ba118cb153f56dccb");
}

TEST(MsChap, TakesTheUserWithoutItsDomain) {
  auto input = Rfc2759();
  input.user = "DOMAIN\\User";
  EXPECT_EQ(MsChap::Make(input)->nt_response(), MsChap::Make(Rfc2759())->nt_response());
}

TEST(MsChap, PasswordsAreUtf8) {
  auto input = Rfc2759();
  input.password = "p\xc3\xa4ss\xf0\x9f\x94\x91";
  EXPECT_TRUE(MsChap::Make(input));
  input.password = "\xff";
  EXPECT_FALSE(MsChap::Make(input));
  input = Rfc2759();
  input.peer_challenge.pop_back();
  EXPECT_FALSE(MsChap::Make(input));
}

}  // namespace
}  // namespace lethe::crypto
