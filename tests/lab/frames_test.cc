#include "frames.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <set>

#include "base/hex.h"

namespace lethe::lab {
namespace {

std::string Bytes(std::string_view hex) {
  const auto bytes = HexDecode(hex);
  return bytes ? std::string(bytes->begin(), bytes->end()) : "";
}

// "abcd" from 192.0.2.160:4500 to 198.51.100.50:500, checksums as a kernel makes them.
const std::string kIpv4Frame = Bytes(
    "525400123456525400123457"
    "0800"
    "450000200000400040110f8cc00002a0c6336432"
    "119401f4000c3f00"
    "61626364");
const std::string kIpv6Frame = Bytes(
    "525400123456525400123457"
    "86dd"
    "60000000000c1140"
    "20010db8000200000000000000000160"
    "20010db8000100005054"
    "00fffe123456"
    "119401f4000c0000"
    "61626364");

// With its checksum in it, what a receiver sums up is all ones.
uint32_t Folded(const std::string& bytes, uint32_t sum) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(static_cast<unsigned char>(bytes[i]) << 8 |
                                 static_cast<unsigned char>(bytes[i + 1]));
  if (bytes.size() % 2 == 1)
    sum += static_cast<uint32_t>(static_cast<unsigned char>(bytes.back()) << 8);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

void ExpectRightChecksums(const std::string& frame) {
  const bool v4 = frame[12] == 8;
  if (v4) {
    EXPECT_EQ(Folded(frame.substr(14, 20), 0), 0xffffU);
  }
  const size_t header = v4 ? 34 : 54, addresses = v4 ? 26 : 22;
  const std::string datagram = frame.substr(header);
  const auto size = static_cast<uint32_t>(datagram.size());
  EXPECT_EQ(Folded(frame.substr(addresses, header - addresses) + datagram, IPPROTO_UDP + size),
            0xffffU);
}

TEST(CarriedBy, FindsWhatADatagramCarries) {
  for (const std::string& frame : {kIpv4Frame, kIpv6Frame}) {
    const auto carried = CarriedBy(frame);
    ASSERT_TRUE(carried);
    EXPECT_EQ(carried->payload, "abcd");
    EXPECT_EQ(carried->port, 500U);
    EXPECT_EQ(carried->protocol, static_cast<unsigned>(IPPROTO_UDP));
  }
}

TEST(CarriedBy, TakesNothingElse) {
  std::string tcp = kIpv4Frame, piece = kIpv4Frame, arp = kIpv4Frame, longer = kIpv4Frame;
  tcp[23] = 6;
  piece[20] = 0x20;
  arp[13] = 6;
  longer[17] = 0x40;
  for (const std::string& frame :
       {tcp, piece, arp, longer, std::string(), kIpv4Frame.substr(0, 40)})
    EXPECT_FALSE(CarriedBy(frame));
}

TEST(WithPayload, MakesFramesThatAReceiverTakes) {
  for (const std::string& frame : {kIpv4Frame, kIpv6Frame}) {
    for (const std::string& payload : {std::string(), std::string("x"), std::string(1400, 'y')}) {
      const std::string made = WithPayload(frame, payload);
      ExpectRightChecksums(made);
      const auto carried = CarriedBy(made);
      ASSERT_TRUE(carried);
      EXPECT_EQ(carried->payload, payload);
    }
  }
}

TEST(Malformed, MakesManyDifferentFramesAndTheSameAgain) {
  const auto made = Malformed({kIpv4Frame, kIpv6Frame, std::string(60, 'x')}, 500, 1);
  ASSERT_EQ(made.size(), 500U);
  EXPECT_GT(std::set<std::string>(made.begin(), made.end()).size(), 300U);
  for (const std::string& frame : made) {
    EXPECT_LE(frame.size(), 1514U);
    ExpectRightChecksums(frame);
  }
  EXPECT_EQ(made, Malformed({kIpv4Frame, kIpv6Frame, std::string(60, 'x')}, 500, 1));
  EXPECT_NE(made, Malformed({kIpv4Frame, kIpv6Frame}, 500, 2));
  EXPECT_TRUE(Malformed({std::string(60, 'x')}, 5, 1).empty());
}

}  // namespace
}  // namespace lethe::lab
