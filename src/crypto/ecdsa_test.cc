#include "crypto/ecdsa.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "base/test_bytes.h"

namespace lethe::crypto {
namespace {

// RFC 6979, A.2.5.
const std::string kSecret =
    FromHex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
const std::string kPoint = FromHex(
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
const std::string kSampleR =
    FromHex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716");
const std::string kSampleS =
    FromHex("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
const std::string kTest = FromHex(
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
const std::string kOrder =
    FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const std::string kPrime =
    FromHex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
const std::string kZero(32, '\0');

std::string Flipped(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  return bytes;
}

// A DER integer of short length; its content is taken as it is.
std::string DerInteger(std::string_view content) {
  return std::string("\x02") + static_cast<char>(content.size()) + std::string(content);
}
std::string DerSequence(std::string_view content) {
  return std::string("\x30") + static_cast<char>(content.size()) + std::string(content);
}
// Both of kSampleR and kSampleS begin with a high bit.
std::string Positive(std::string_view number) { return std::string(1, '\0') + std::string(number); }

TEST(EcdsaP256, AnswersThePublishedVectors) {
  EXPECT_TRUE(IsP256Point(kPoint));
  EXPECT_TRUE(VerifyEcdsaP256({kPoint, kSampleR + kSampleS}, "sample"));
  EXPECT_TRUE(VerifyEcdsaP256({kPoint, kTest}, "test"));
  EXPECT_FALSE(VerifyEcdsaP256({kPoint, kTest}, "sample"));
  const auto key = EcdsaP256Key::FromScalar(kSecret);
  ASSERT_TRUE(key);
  EXPECT_EQ(HexEncode(key->point()), HexEncode(kPoint));
}

TEST(EcdsaP256, VerifiesWhatItSigns) {
  const auto key = EcdsaP256Key::FromScalar(kSecret);
  ASSERT_TRUE(key);
  for (const std::string_view message : {"", "a", "a longer message"}) {
    EXPECT_TRUE(VerifyEcdsaP256({kPoint, key->Sign(message)}, message));
    EXPECT_TRUE(VerifyEcdsaP256Der({kPoint, key->SignDer(message)}, message));
    EXPECT_FALSE(VerifyEcdsaP256({kPoint, key->Sign(message)}, "another"));
  }
  EXPECT_NE(key->Sign("a"), key->Sign("a"));
}

TEST(EcdsaP256, RefusesEveryFlippedBit) {
  const std::string raw = kSampleR + kSampleS;
  for (size_t bit = 0; bit < 8 * raw.size(); ++bit)
    EXPECT_FALSE(VerifyEcdsaP256({kPoint, Flipped(raw, bit)}, "sample")) << bit;
  for (size_t bit = 0; bit < 8 * kPoint.size(); ++bit) {
    EXPECT_FALSE(IsP256Point(Flipped(kPoint, bit))) << bit;
    EXPECT_FALSE(VerifyEcdsaP256({Flipped(kPoint, bit), raw}, "sample")) << bit;
  }
}

TEST(EcdsaP256, RefusesOtherLengths) {
  const std::string raw = kSampleR + kSampleS + std::string(1, '\0');
  for (size_t size = 0; size <= raw.size(); ++size) {
    EXPECT_EQ(VerifyEcdsaP256({kPoint, std::string_view(raw).substr(0, size)}, "sample"),
              size == kP256SignatureBytes);
  }
  const std::string point = kPoint + '\0';
  for (size_t size = 0; size <= point.size(); ++size)
    EXPECT_EQ(IsP256Point(std::string_view(point).substr(0, size)), size == kP256PointBytes);
}

TEST(EcdsaP256, RefusesNumbersOutOfRange) {
  const std::string ones(32, '\xff');
  std::string above = kOrder;
  ++above.back();
  for (const std::string& bad : {kZero, kOrder, above, ones}) {
    EXPECT_FALSE(VerifyEcdsaP256({kPoint, bad + kSampleS}, "sample")) << HexEncode(bad);
    EXPECT_FALSE(VerifyEcdsaP256({kPoint, kSampleR + bad}, "sample")) << HexEncode(bad);
    EXPECT_FALSE(EcdsaP256Key::FromScalar(bad)) << HexEncode(bad);
  }
  EXPECT_FALSE(EcdsaP256Key::FromScalar("short"));
  std::string below = kOrder;
  --below.back();
  EXPECT_TRUE(EcdsaP256Key::FromScalar(below));
}

TEST(EcdsaP256, RefusesWhatIsNoPoint) {
  const std::string x = kPoint.substr(1, 32);
  const std::string y = kPoint.substr(33);
  EXPECT_FALSE(IsP256Point(std::string(1, '\0')));    // at infinity
  EXPECT_FALSE(IsP256Point(std::string(65, '\0')));   // the same, long
  EXPECT_FALSE(IsP256Point("\x03" + x));              // compressed
  EXPECT_FALSE(IsP256Point("\x07" + x + y));          // hybrid
  EXPECT_FALSE(IsP256Point("\x04" + y + x));          // off the curve
  EXPECT_FALSE(IsP256Point("\x04" + kZero + kZero));  // the same
  EXPECT_FALSE(IsP256Point("\x04" + kPrime + y));     // not below the prime
  EXPECT_FALSE(IsP256Point("\x04" + x + std::string(32, '\xff')));
  // A point with x = 0, and its other spelling: x = p.
  const std::string y0 =
      FromHex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
  EXPECT_TRUE(IsP256Point("\x04" + kZero + y0));
  EXPECT_FALSE(IsP256Point("\x04" + kPrime + y0));
}

TEST(EcdsaP256, TakesDerInOneSpelling) {
  const std::string r = DerInteger(Positive(kSampleR));
  const std::string s = DerInteger(Positive(kSampleS));
  const std::string good = DerSequence(r + s);
  ASSERT_TRUE(VerifyEcdsaP256Der({kPoint, good}, "sample"));
  const std::string bad[] = {
      "",
      good + '\0',                                                             // bytes behind it
      DerSequence(r + s + '\0'),                                               // bytes inside it
      DerSequence(r + s + DerInteger("\x01")),                                 // a third number
      DerSequence(r),                                                          // one number
      DerSequence(DerInteger(kSampleR) + s),                                   // negative
      DerSequence(DerInteger(std::string(1, '\0') + Positive(kSampleR)) + s),  // one zero more
      "\x30\x81" + good.substr(1),                                             // a long length
      "\x30\x80" + r + s + std::string(2, '\0'),          // an indefinite length
      "\x31" + good.substr(1),                            // a set
      DerSequence(DerInteger("") + s),                    // no number
      DerSequence(DerInteger(std::string(1, '\0')) + s),  // zero
      DerSequence(DerInteger(Positive(kOrder)) + s),      // the order
      DerSequence(DerInteger(std::string(1, '\0') + std::string(60, '\x7f')) + s),  // too long
  };
  for (const std::string& der : bad)
    EXPECT_FALSE(VerifyEcdsaP256Der({kPoint, der}, "sample")) << HexEncode(der);
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(VerifyEcdsaP256Der({kPoint, std::string_view(good).substr(0, size)}, "sample"));
}

}  // namespace
}  // namespace lethe::crypto
