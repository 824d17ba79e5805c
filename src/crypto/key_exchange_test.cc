#include "crypto/key_exchange.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/test_bytes.h"
#include "crypto/block_cipher.h"

namespace lethe::crypto {
namespace {

constexpr Group kGroups[] = {Group::kModp2048, Group::kEcp256, Group::kEcp384, Group::kCurve25519};

TEST(KeyExchange, BothSidesHaveTheSameSecret) {
  for (const Group group : kGroups) {
    for (const char fill : {'\0', '\x01', '\xff'}) {
      const auto ours = KeyExchange::Make(group, std::string(KeyExchange::kSecretBytes, fill));
      const auto theirs = KeyExchange::Make(group, std::string(KeyExchange::kSecretBytes, 'x'));
      const auto shared = ours.Shared(theirs.public_value());
      ASSERT_TRUE(shared);
      EXPECT_EQ(shared, theirs.Shared(ours.public_value()));
    }
  }
}

// The initiator's of RFC 5903 8.1.
TEST(KeyExchange, TakesAPointOfTheCurveAlone) {
  const std::string i256 = FromHex(
      "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3"
      "e5"
      "9ab1f45b33accf5f58389e0577b8990bb3");
  EXPECT_TRUE(KeyExchange::Make(Group::kEcp256, std::string(48, 'a')).Shared(i256));
  std::string off = i256;
  off[63] = static_cast<char>(off[63] ^ 1);
  EXPECT_FALSE(KeyExchange::Make(Group::kEcp256, std::string(48, 'a')).Shared(off));
}

TEST(KeyExchange, RefusesValuesThatAreNone) {
  for (const Group group : kGroups) {
    const auto ours = KeyExchange::Make(group, std::string(KeyExchange::kSecretBytes, 'k'));
    const size_t size = ours.public_value().size();
    EXPECT_FALSE(ours.Shared("")) << static_cast<int>(group);
    EXPECT_FALSE(ours.Shared(std::string(size, '\0'))) << static_cast<int>(group);
    EXPECT_FALSE(ours.Shared(ours.public_value() + "x")) << static_cast<int>(group);
    EXPECT_FALSE(ours.Shared(ours.public_value().substr(1))) << static_cast<int>(group);
  }
  const auto modp = KeyExchange::Make(Group::kModp2048, std::string(48, 'k'));
  EXPECT_FALSE(modp.Shared(std::string(255, '\0') + '\1'));
  EXPECT_FALSE(modp.Shared(std::string(256, '\xff')));
}

// SP 800-38A F.2.5
TEST(AesCbc, FollowsItsVectors) {
  const std::string key =
      FromHex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  const std::string iv = FromHex("000102030405060708090a0b0c0d0e0f");
  const std::string text = FromHex("6bc1bee22e409f96e93d7e117393172a");
  const std::string sealed = AesCbcEncrypt(key, iv, text);
  EXPECT_EQ(HexEncode(sealed), "f58c4c04d6e5f1ba779eabfb5f7bfbd6");
  EXPECT_EQ(AesCbcDecrypt(key, iv, sealed), text);
  EXPECT_EQ(AesCbcDecrypt(key, iv, "short"), std::nullopt);
  EXPECT_EQ(AesCbcDecrypt(key, iv, ""), "");
}

}  // namespace
}  // namespace lethe::crypto
