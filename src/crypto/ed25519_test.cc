#include "crypto/ed25519.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/file.h"
#include "base/hex.h"
#include "base/strings.h"
#include "base/test_bytes.h"
#include "crypto/sha512.h"

namespace lethe::crypto {
namespace {

std::string Sha512Bytes(std::string_view bytes) {
  const auto digest = Sha512Of(bytes);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string Vectors(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/ed25519/" + name).value();
}

struct Published {
  std::string seed;
  std::string public_key;
  std::string message;
  std::string signature;
};

// RFC 8032, 7.1: tests 1, 2, 3 and SHA(abc).
const std::vector<Published>& PublishedVectors() {
  static const std::vector<Published> vectors = {
      {FromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
       FromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), "",
       FromHex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
               "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")},
      {FromHex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
       FromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), "\x72",
       FromHex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
               "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")},
      {FromHex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
       FromHex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), "\xaf\x82",
       FromHex("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290"
               "ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")},
      {FromHex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"),
       FromHex("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"),
       Sha512Bytes("abc"),
       FromHex("dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ec"
               "fdfbc7c66431e0303dca179c138ac17ad9bef1177331a704")},
  };
  return vectors;
}

TEST(Ed25519, AnswersThePublishedVectors) {
  for (const Published& v : PublishedVectors()) {
    const Ed25519Key key(v.seed);
    EXPECT_EQ(HexEncode(key.public_key()), HexEncode(v.public_key));
    EXPECT_EQ(HexEncode(key.Sign(v.message)), HexEncode(v.signature));
    EXPECT_TRUE(IsEd25519Point(v.public_key));
    EXPECT_TRUE(VerifyEd25519({v.public_key, v.signature}, v.message));
  }
}

TEST(Ed25519, RefusesEveryFlippedBit) {
  const Published& v = PublishedVectors()[2];
  const auto flipped = [](std::string bytes, size_t bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    return bytes;
  };
  for (size_t bit = 0; bit < 8 * v.signature.size(); ++bit)
    EXPECT_FALSE(VerifyEd25519({v.public_key, flipped(v.signature, bit)}, v.message)) << bit;
  for (size_t bit = 0; bit < 8 * v.public_key.size(); ++bit)
    EXPECT_FALSE(VerifyEd25519({flipped(v.public_key, bit), v.signature}, v.message)) << bit;
  for (size_t bit = 0; bit < 8 * v.message.size(); ++bit)
    EXPECT_FALSE(VerifyEd25519({v.public_key, v.signature}, flipped(v.message, bit))) << bit;
}

TEST(Ed25519, RefusesOtherLengths) {
  const Published& v = PublishedVectors()[2];
  const std::string longer_key = v.public_key + '\0';
  const std::string longer = v.signature + '\0';
  for (size_t size = 0; size <= longer.size(); ++size) {
    EXPECT_EQ(VerifyEd25519({v.public_key, std::string_view(longer).substr(0, size)}, v.message),
              size == kEd25519SignatureBytes);
  }
  for (size_t size = 0; size <= longer_key.size(); ++size) {
    const auto key = std::string_view(longer_key).substr(0, size);
    EXPECT_EQ(VerifyEd25519({key, v.signature}, v.message), size == kEd25519PublicBytes);
    EXPECT_EQ(IsEd25519Point(key), size == kEd25519PublicBytes);
  }
}

// tests/vectors/ed25519/make: the strict rule, by arithmetic of its own. Most of what is refused
// there satisfies the equation: a laxer library would take it.
TEST(Ed25519, FollowsTheStrictRuleOnEveryEdgeCase) {
  std::map<std::string, int> seen;  // "reject holds"
  const std::string text = Vectors("signatures");
  for (const std::string_view line : Lines(text)) {
    const auto words = Words(line);
    ASSERT_EQ(words.size(), 6U) << line;
    const std::string key = FromHex(words[3]);
    const std::string signature = FromHex(words[4]);
    EXPECT_EQ(VerifyEd25519({key, signature}, FromHex(words[5])), words[1] == "accept") << line;
    ++seen[std::string(words[1]) + " " + std::string(words[2])];
  }
  // Accepted: an honest one, and mixed order where the equation holds without cofactor. Refused
  // although it holds: S in 15 other spellings, low order and other spellings of A and R.
  EXPECT_EQ(
      seen,
      (std::map<std::string, int>{
          {"accept holds", 15}, {"reject holds", 41}, {"reject cofactor", 31}, {"reject no", 5}}));
}

TEST(Ed25519, KnowsPublicKeysFromOtherPoints) {
  std::map<std::string, int> seen;
  const std::string text = Vectors("points");
  for (const std::string_view line : Lines(text)) {
    const auto words = Words(line);
    ASSERT_EQ(words.size(), 3U) << line;
    EXPECT_EQ(IsEd25519Point(FromHex(words[2])), words[1] == "yes") << line;
    ++seen[std::string(words[1])];
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"yes", 4}, {"no", 97}}));
}

}  // namespace
}  // namespace lethe::crypto
