#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.h"

namespace lethe::crypto {
namespace {

X25519Key FromHex(std::string_view hex) {
  X25519Key out{};
  const auto bytes = HexDecode(hex).value();
  std::copy_n(bytes.begin(), out.size(), out.begin());
  return out;
}

TEST(X25519, MakesThePublicKeysOfRfc7748) {
  // RFC 7748 6.1
  EXPECT_EQ(
      X25519PublicKey(FromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")),
      FromHex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  EXPECT_EQ(
      X25519PublicKey(FromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")),
      FromHex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
}

}  // namespace
}  // namespace lethe::crypto
