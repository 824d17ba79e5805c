#include "wireguard/prefix.h"

#include <gtest/gtest.h>

namespace lethe::wireguard {
namespace {

TEST(Prefix, IsReadStrictly) {
  for (const char* good : {"10.9.0.2/32", "10.9.0.0/16", "0.0.0.0/0", "fd00:9::2/128", "::/0"})
    EXPECT_TRUE(ParsePrefix(good)) << good;
  for (const char* bad :
       {"", "/", "10.9.0.2", "10.9.0.2/", "10.9.0.2/33", "10.9.0.2/-1", "10.9.0.2/08",
        "10.0.0.0/08", "10.9.0.2/24", "10.9.0/24", "10.9.0.02/32", " 10.9.0.2/32", "10.9.0.2/32 ",
        "fd00:9::2/129", "fd00:9::2/64", "fd00:9:::2/128", "fd00:9::2%lo/128", "host/32",
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/128"}) {
    const auto prefix = ParsePrefix(bad);
    ASSERT_FALSE(prefix) << bad;
    EXPECT_EQ(prefix.error().code, ErrorCode::kMalformed) << bad;
  }
}

TEST(Prefix, OfAnInterfaceKeepsTheAddress) {
  const auto address = ParseInterfaceAddress("10.9.3.7/20").value();
  EXPECT_EQ(address.host, ParsePrefix("10.9.3.7/32").value());
  EXPECT_EQ(address.network, ParsePrefix("10.9.0.0/20").value());
}

TEST(Prefix, ContainsWhatLiesInIt) {
  const struct {
    const char* outer;
    const char* inner;
    bool contains;
  } cases[] = {{"10.9.0.0/16", "10.9.255.255/32", true}, {"10.9.0.0/16", "10.9.0.0/16", true},
               {"10.9.0.0/16", "10.8.0.0/15", false},    {"10.9.0.0/16", "10.10.0.0/16", false},
               {"0.0.0.0/0", "255.0.0.0/8", true},       {"10.9.0.0/20", "10.9.15.1/32", true},
               {"10.9.0.0/20", "10.9.16.1/32", false},   {"::/0", "10.9.0.1/32", false},
               {"fd00:9::/64", "fd00:9::1/128", true},   {"fd00:9::/64", "fd00:9:0:1::/64", false}};
  for (const auto& c : cases) {
    const Prefix outer = ParsePrefix(c.outer).value();
    const Prefix inner = ParsePrefix(c.inner).value();
    EXPECT_EQ(Contains(outer, inner), c.contains) << c.outer << " " << c.inner;
    EXPECT_EQ(Overlap(outer, inner), Contains(outer, inner) || Contains(inner, outer));
    EXPECT_EQ(Overlap(outer, inner), Overlap(inner, outer));
  }
}

}  // namespace
}  // namespace lethe::wireguard
