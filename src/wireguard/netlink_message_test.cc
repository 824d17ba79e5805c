#include "wireguard/netlink_message.h"

#include <gtest/gtest.h>

namespace lethe::wireguard {
namespace {

TEST(NetlinkMessage, IsReadAsItWasWritten) {
  MessageWriter writer(20, NLM_F_REQUEST);
  writer.Number<uint8_t>(1, 7);
  const size_t nest = writer.Begin(2);
  writer.Attribute(3, "abcde");
  writer.End(nest);
  const std::string bytes = writer.Take();
  EXPECT_EQ(bytes.size(), 16U + 8 + 4 + 12);
  std::string_view rest = bytes;
  const auto message = TakeMessage(rest).value();
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(message.header.nlmsg_type, 20);
  std::string_view attributes = message.payload;
  EXPECT_EQ(TakeAttribute(attributes).value().payload, std::string_view("\x07"));
  auto nested = TakeAttribute(attributes).value();
  EXPECT_EQ(nested.type, 2);
  EXPECT_EQ(TakeAttribute(nested.payload).value().payload, "abcde");
  EXPECT_TRUE(attributes.empty());
}

TEST(NetlinkMessage, TrustsNoLength) {
  MessageWriter writer(20, 0);
  writer.Attribute(1, "abcdefgh");
  const std::string good = writer.Take();
  for (size_t cut = 1; cut < good.size(); ++cut) {
    std::string_view bytes = std::string_view(good).substr(0, cut);
    EXPECT_FALSE(TakeMessage(bytes)) << cut;
  }
  for (const char length : {'\0', '\3', '\15', '\177'}) {
    std::string bad = good.substr(16);
    bad[0] = length;
    std::string_view bytes = bad;
    EXPECT_FALSE(TakeAttribute(bytes)) << int{length};
    bad = good;
    bad[0] = length;
    bytes = bad;
    EXPECT_FALSE(TakeMessage(bytes)) << int{length};
  }
}

}  // namespace
}  // namespace lethe::wireguard
