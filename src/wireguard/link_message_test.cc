#include "wireguard/link_message.h"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "wireguard/netlink_message.h"

namespace lethe::wireguard {
namespace {

std::string PayloadOf(const std::string& message) { return message.substr(sizeof(nlmsghdr)); }

TEST(LinkMessage, TellsTheKindOfAnInterface) {
  MessageWriter writer(RTM_NEWLINK, 0);
  ifinfomsg header{};
  header.ifi_index = 17;
  writer.Struct(header);
  writer.Attribute(IFLA_IFNAME, std::string_view("wg0\0", 4));
  const size_t info = writer.Begin(IFLA_LINKINFO);
  writer.Attribute(IFLA_INFO_KIND, std::string_view("wireguard\0", 10));
  writer.End(info);
  const std::string payload = PayloadOf(writer.Take());
  const Link link = DecodeLink(payload).value();
  EXPECT_EQ(link.index, 17U);
  EXPECT_EQ(link.kind, "wireguard");
  EXPECT_FALSE(DecodeLink(std::string_view(payload).substr(0, payload.size() - 5)));
  EXPECT_FALSE(DecodeLink("short"));
}

TEST(LinkMessage, ReadsAddressesAsItWritesThem) {
  for (const char* text : {"10.9.0.1/24", "fd00:9::1/64", "10.9.0.1/32", "fd00:9::1/128"}) {
    const InterfaceAddress address = ParseInterfaceAddress(text).value();
    const std::string payload = PayloadOf(EncodeAddress(17, address, true));
    const auto read = DecodeAddress(payload, 17).value();
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, address) << text;
    EXPECT_FALSE(DecodeAddress(payload, 18).value()) << "of another interface";
    EXPECT_FALSE(DecodeAddress(std::string_view(payload).substr(0, sizeof(ifaddrmsg)), 17));
  }
}

}  // namespace
}  // namespace lethe::wireguard
