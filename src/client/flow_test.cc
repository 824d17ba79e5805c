#include "client/flow.h"

#include <gtest/gtest.h>

#include "base/test_bytes.h"

namespace lethe::client {
namespace {

constexpr uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd, kArp = 0x0806;

TEST(FlowOf, ReadsAddressesAndPorts) {
  const std::string udp = FromHex(
      "45000020000000004011"
      "0000c00002a0c6336432"
      "119401f4000c0000");
  const Flow flow = FlowOf(kIpv4, udp);
  EXPECT_EQ(ToString(flow), "udp 192.0.2.160:4500 > 198.51.100.50:500");
  EXPECT_FALSE(IsEthernetsOwn(flow));
}

TEST(FlowOf, ReadsIpv6) {
  const std::string tcp = FromHex(
      "6000000000140640"
      "20010db8000200000000000000000160"
      "20010db8008000000000000000000001"
      "c00001bb0000000000000000");
  EXPECT_EQ(ToString(FlowOf(kIpv6, tcp)), "tcp [2001:db8:2::160]:49152 > [2001:db8:80::1]:443");
}

TEST(FlowOf, GivesALaterPieceNoPorts) {
  const std::string piece = FromHex(
      "4500002000000001"
      "4011"
      "0000c00002a0c6336432"
      "119401f4000c0000");
  EXPECT_EQ(FlowOf(kIpv4, piece).from_port, 0U);
  EXPECT_EQ(FlowOf(kIpv4, piece).to, "198.51.100.50");
}

TEST(FlowOf, ReadsWhatIsThereOfAShortPacket) {
  EXPECT_EQ(ToString(FlowOf(kIpv4, "")), "type 2048");
  EXPECT_EQ(FlowOf(kIpv4, FromHex("45000020000000004011")).protocol, 17U);
  EXPECT_EQ(FlowOf(kIpv6, "").to, "");
}

TEST(IsEthernetsOwn, KnowsArpAndNeighbourDiscovery) {
  EXPECT_TRUE(IsEthernetsOwn(FlowOf(kArp, "")));
  const Flow advertisement{
      .type = kIpv6, .protocol = 58, .from = "fe80::1", .to = "ff02::1", .from_port = 136};
  EXPECT_TRUE(IsEthernetsOwn(advertisement));
  Flow ping = advertisement;
  ping.from_port = 128;
  EXPECT_FALSE(IsEthernetsOwn(ping));
  const Flow report{.type = kIpv6, .protocol = 0, .from = "fe80::1", .to = "ff02::16"};
  EXPECT_TRUE(IsEthernetsOwn(report));
  Flow unicast = report;
  unicast.to = "2001:db8::1";
  EXPECT_FALSE(IsEthernetsOwn(unicast));
}

TEST(IsPathError, KnowsWhatWasNotDelivered) {
  Flow flow{.type = kIpv4, .protocol = 1};
  for (const auto& [type, error] :
       {std::pair(0U, false), {3U, true}, {8U, false}, {11U, true}, {12U, false}}) {
    flow.from_port = type;
    EXPECT_EQ(IsPathError(flow), error) << type;
  }
  flow = {.type = kIpv6, .protocol = 58};
  for (const auto& [type, error] :
       {std::pair(0U, false), {1U, true}, {2U, true}, {3U, true}, {4U, false}, {128U, false}}) {
    flow.from_port = type;
    EXPECT_EQ(IsPathError(flow), error) << type;
  }
  flow.protocol = 17;
  flow.from_port = 3;
  EXPECT_FALSE(IsPathError(flow));
}

}  // namespace
}  // namespace lethe::client
