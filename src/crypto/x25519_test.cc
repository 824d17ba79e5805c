#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <algorithm>

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
  const auto alice = Key("77076d0a7318a57d3c16c17251b26645df4c8b7d5b0ad6d9b0ad6d9b0ad6d9b0");
  const auto bob = Key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto one = X25519(alice, X25519PublicKey(bob));
  const auto two = X25519(bob, X25519PublicKey(alice));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(*one, *two);
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

}  // namespace
}  // namespace lethe::crypto
