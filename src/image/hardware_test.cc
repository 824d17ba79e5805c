#include "image/hardware.h"

#include <gtest/gtest.h>

namespace lethe::image {
namespace {

TEST(ParseModuleAlias, ReadsTheDevicesOfEveryBus) {
  const struct {
    const char* alias;
    DeviceId device;
  } kCases[] = {
      {"pci:v00008086d00001533sv*sd*bc*sc*i*", {"pci", "8086:1533", "8086"}},
      {"pci:v000010ECd00008139sv*sd*bc*sc*i*", {"pci", "10ec:8139", "10ec"}},
      {"pci:v000015B3d*sv*sd*bc02sc00i*", {"pci", "15b3:*", "15b3"}},
      {"pci:v*d*sv*sd*bc02sc00i*", {"pci", "*:*", "*"}},
      {"usb:v0BDAp8153d*dc*dsc*dp*ic*isc*ip*in*", {"usb", "0bda:8153", "0bda"}},
      {"virtio:d00000001v*", {"virtio", "*:0001", ""}},
      {"vmbus:635161f83edfc546913ff2d2f965ed0e", {"vmbus", "635161f83edfc546913ff2d2f965ed0e", ""}},
      {"xen:vif", {"xen", "vif", ""}},
      {"auxiliary:mlx4_core.eth", {"auxiliary", "mlx4_core.eth", ""}},
  };
  for (const auto& c : kCases) {
    const auto device = ParseModuleAlias(c.alias);
    ASSERT_TRUE(device) << c.alias;
    EXPECT_EQ(*device, c.device) << c.alias << ": " << device->id;
  }
}

TEST(ParseModuleAlias, LeavesOutWhatNamesNoDevice) {
  for (const char* alias : {"", "tun", "rtnl-link-wireguard", "devname:net/tun",
                            "mdio:0000000000100010001000100010????", "pci:", "pci:v",
                            "pci:v00008086", "pci:v0000zzzzd00001533sv*", "pci:vd", "pci:v8d9s",
                            "virtio:", "virtio:d1", "vmbus:", "xen:"}) {
    EXPECT_FALSE(ParseModuleAlias(alias)) << alias;
  }
}

TEST(VendorName, KnowsTheWellKnown) {
  EXPECT_EQ(VendorName("8086"), "Intel");
  EXPECT_EQ(VendorName("15b3"), "Mellanox");
  EXPECT_EQ(VendorName("ffff"), "");
}

TEST(ReadHardware, RefusesWhatIsNoIso) {
  const auto report = ReadHardware("no ISO");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace lethe::image
