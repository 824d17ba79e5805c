// One image for every server: it boots with each network card that QEMU can imitate and Debian's
// kernel has a driver for, and the VPN answers through it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/strings.h"
#include "base/subprocess.h"
#include "image/capture.h"
#include "image/hardware.h"
#include "lab.h"
#include "vm/openvpn_probe.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kBootTimeout(400);  // bounds a hang: a busy machine emulates slowly
constexpr const char* kQemu = "qemu-system-x86_64";

struct Card {
  const char* model;   // QEMU's name
  const char* driver;  // the module
  bool nightly = true;
};

// A boot costs 17 s where it is emulated. ./test tries a card that needs firmware from the image to
// work at all (i82551), and one that needs none.
constexpr Card kCards[] = {
    {"i82551", "e100", false},
    {"e1000e", "e1000e", false},
    {"e1000", "e1000"},
    {"e1000-82544gc", "e1000"},
    {"e1000-82545em", "e1000"},
    {"i82550", "e100"},
    {"i82557a", "e100"},
    {"i82557b", "e100"},
    {"i82557c", "e100"},
    {"i82558a", "e100"},
    {"i82558b", "e100"},
    {"i82559a", "e100"},
    {"i82559b", "e100"},
    {"i82559c", "e100"},
    {"i82559er", "e100"},
    {"i82562", "e100"},
    {"i82801", "e100"},
    {"igb", "igb"},
    {"ne2k_pci", "ne2k-pci"},
    {"pcnet", "pcnet32"},
    {"rtl8139", "8139cp"},
    {"tulip", "tulip"},
    {"virtio-net-pci", "virtio_net"},
    {"virtio-net-pci-non-transitional", "virtio_net"},
    {"virtio-net-pci-transitional", "virtio_net"},
    {"vmxnet3", "vmxnet3"},
};

// What QEMU lists beside them, and why no image has a driver for it.
constexpr std::pair<const char*, const char*> kLeftOut[] = {
    {"igbvf", "a function of igb that a host hands on, no card of its own"},
    {"ne2k_isa", "ISA: Debian's kernel has no driver"},
    {"pvrdma", "no network card; its driver has left Linux"},
    {"rocker", "a switch; Debian's kernel has no driver"},
    {"usb-net", "USB: no image has a driver of it"},
    {"virtio-net-device", "for machines without PCI"},
};

std::set<std::string> ModelsOfQemu() {
  const std::string text = RunChecked({.argv = {kQemu, "-device", "help"}}).value();
  std::set<std::string> models;
  bool network = false;
  for (const auto line : Lines(text)) {
    if (line.ends_with(" devices:")) network = line == "Network devices:";
    constexpr std::string_view kName = "name \"";
    if (network && line.starts_with(kName))
      models.emplace(line.substr(kName.size(), line.find('"', kName.size()) - kName.size()));
  }
  return models;
}

image::HardwareReport Report() {
  const auto iso = image::MapFile(ImageUnderTest()).value();
  return image::ReadHardware(iso.bytes).value();
}

TEST(Hardware, EveryCardOfQemuIsTriedOrLeftOutForAReason) {
  const auto models = ModelsOfQemu();
  ASSERT_TRUE(models.contains("virtio-net-pci"));
  std::set<std::string> known;
  for (const Card& card : kCards) known.insert(card.model);
  for (const auto& [model, reason] : kLeftOut) known.insert(model);
  for (const std::string& model : models) EXPECT_TRUE(known.contains(model)) << model;
}

TEST(Hardware, HasADriverForEveryCardAndAllFirmwareAndMicrocode) {
  const auto report = Report();
  std::set<std::string> drivers;
  for (const auto& driver : report.drivers) {
    drivers.insert(driver.module);
    for (const auto& file : driver.firmware)
      EXPECT_TRUE(file.present) << driver.module << " lacks " << file.name;
  }
  for (const Card& card : kCards) EXPECT_TRUE(drivers.contains(card.driver)) << card.driver;
  // What no emulator has.
  for (const char* module :
       {"igc", "ixgbe", "ixgbevf", "i40e", "iavf", "ice", "mlx4_core", "mlx5_core", "bnxt_en",
        "bnx2x", "tg3", "ena", "gve", "hv_netvsc", "r8169"})
    EXPECT_TRUE(drivers.contains(module)) << module;
  // Today's servers: AMD Zen to Zen 4 (families 17h, 19h), Intel from Skylake on.
  std::set<unsigned> amd;
  for (const auto& update : report.amd) amd.insert(update.cpu.Family());
  EXPECT_TRUE(amd.contains(0x17) && amd.contains(0x19));
  std::set<uint32_t> intel;
  for (const auto& update : report.intel) intel.insert(update.cpu.eax);
  for (const uint32_t cpu : {0x50654U, 0x50657U, 0x606a6U, 0x806f8U, 0xc06f2U})
    EXPECT_TRUE(intel.contains(cpu)) << std::hex << cpu;
}

class NetworkCardTest : public ::testing::TestWithParam<Card> {
 protected:
  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "lab-").value();
};

TEST_P(NetworkCardTest, ServesTheVpn) {
  const Card& card = GetParam();
  const char* tier = std::getenv("LETHE_TEST_TIER");
  if (card.nightly && std::string_view(tier == nullptr ? "" : tier) != "nightly")
    GTEST_SKIP() << "nightly: 17 s";
  if (!ModelsOfQemu().contains(card.model)) GTEST_SKIP() << "this QEMU does not have it";
  const auto files = ExtractBootFiles(ImageUnderTest(), scratch_.path()).value();
  vm::GuestConfig config;
  config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.command_line = files.command_line;
  config.network_card = std::string(card.model) + ",romfile=";
  config.forwards = {{"udp", 1194, 1194}};
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  EXPECT_TRUE(Eventually(kBootTimeout, [] {
    return vm::OpenVpnAnswers(1194, milliseconds(500)).value();
  })) << guest.Log();
}

INSTANTIATE_TEST_SUITE_P(Qemu, NetworkCardTest, ::testing::ValuesIn(kCards), [](const auto& card) {
  std::string name = card.param.model;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace lethe::lab
