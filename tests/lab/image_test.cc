// What a release image promises, on a real boot of the real image.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/strings.h"
#include "crypto/sha256.h"
#include "lab.h"
#include "recipe/recipe.h"
#include "vm/client_profile.h"
#include "vm/openvpn_probe.h"
#include "vpn_clients.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kBootTimeout(400);  // bounds a hang: a busy machine emulates slowly

class ImageTest : public ::testing::Test {
 protected:
  vm::GuestConfig Config() {
    vm::GuestConfig config;
    config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
    config.forwards = {{"udp", 1194, 1194}, {"udp", 51820, 51820}};
    config.ports = {{"lethe.client", scratch_.path() / "client.tar", {}}};
    return config;
  }

  vm::GuestConfig ProbeConfig() {
    auto files = ExtractBootFiles(ImageUnderTest(), scratch_.path()).value();
    AddProbe(files).value();
    vm::GuestConfig config = Config();
    config.kernel = files.kernel;
    config.initrd = files.initrd;
    config.command_line = files.command_line;
    config.ports.push_back({"lethe.probe", {}, scratch_.path() / "probe"});
    return config;
  }

  static bool VpnAnswers() {
    return Eventually(kBootTimeout,
                      [] { return vm::OpenVpnAnswers(1194, milliseconds(500)).value(); });
  }

  vm::ClientProfile Profile() {
    std::optional<std::string> tar;
    EXPECT_TRUE(Eventually(seconds(60), [&] {
      return (tar = vm::ReadProfileTar(scratch_.path() / "client.tar")).has_value();
    }));
    return vm::ReadClientProfile(tar.value_or(""), {}).value();
  }

  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "lab-").value();
};

TEST_F(ImageTest, BootsByBiosAndServesOpenVpn) {
  vm::GuestConfig config = Config();
  config.iso = ImageUnderTest();
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  ASSERT_TRUE(VpnAnswers()) << guest.Log();
  const auto openvpn = TryOpenVpn(Profile(), scratch_.path());
  EXPECT_TRUE(openvpn) << openvpn.error().message;
}

TEST_F(ImageTest, BootsByUefi) {
  vm::GuestConfig config = Config();
  config.iso = ImageUnderTest();
  config.uefi = true;
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  EXPECT_TRUE(VpnAnswers()) << guest.Log();
}

// "commit" or "nightly": what ./test was asked for.
std::string Tier() {
  const char* tier = std::getenv("LETHE_TEST_TIER");
  return tier == nullptr ? "commit" : tier;
}

bool IsKernelFileSystem(std::string_view type) {
  for (const std::string_view known :
       {"proc", "sysfs", "devpts", "cgroup2", "securityfs", "pstore", "bpf", "efivarfs"}) {
    if (type == known) return true;
  }
  return false;
}

// Each mount: read-only, or memory that can hold neither programs nor devices, or a window of the
// kernel. /dev is the one tmpfs with device nodes.
void ExpectOnlyMemoryIsWritable(const std::string& mountinfo) {
  bool root_seen = false;
  std::set<std::string> memory;
  for (const auto line : Lines(mountinfo)) {
    const auto words = Words(line);
    const size_t dash = line.find(" - ");
    ASSERT_TRUE(words.size() > 6 && dash != std::string_view::npos) << line;
    const std::string_view place = words[4];
    const std::string_view options = words[5];
    const std::string_view type = Words(line.substr(dash + 3))[0];
    if (place == "/") {
      root_seen = true;
      EXPECT_EQ(type, "erofs") << line;
      EXPECT_TRUE(options.starts_with("ro,")) << line;
    } else if (options.starts_with("rw,")) {
      EXPECT_NE(options.find("nosuid"), std::string_view::npos) << line;
      EXPECT_NE(options.find("noexec"), std::string_view::npos) << line;
      // Mounted by lethe-init, not by systemd: those hold files of ours.
      const bool ours = type == "tmpfs" || type == "devtmpfs" || type == "devpts";
      EXPECT_TRUE(!ours || options.find("noatime") != std::string_view::npos) << line;
      const bool device_folder = type == "devtmpfs" || type == "devpts";
      EXPECT_TRUE(device_folder || options.find("nodev") != std::string_view::npos) << line;
      if (type == "tmpfs") memory.emplace(place);
      EXPECT_TRUE(type == "tmpfs" || device_folder || IsKernelFileSystem(type)) << line;
    }
  }
  EXPECT_TRUE(root_seen);
  // The recipe's writable paths, and the one that the C library needs.
  EXPECT_EQ(memory, (std::set<std::string>{"/dev/shm", "/run", "/tmp", "/var", "/var/log"}));
}

// A setting that the kernel does not know yet when settings are applied would be lost in silence.
void ExpectKernelSettings(ProbeClient& probe, const recipe::Recipe& recipe) {
  for (const auto& [key, value] : recipe.sysctl) {
    std::string path = "/proc/sys/" + key;
    std::replace(path.begin(), path.end(), '.', '/');
    auto now = probe.Read(path);
    ASSERT_TRUE(now) << key << ": " << now.error().message;
    std::replace(now->begin(), now->end(), '\t', ' ');
    EXPECT_EQ(Trim(*now), value) << key;
  }
  const std::string command_line = probe.Read("proc:cmdline").value();
  const auto words = Words(command_line);
  for (const std::string& word : recipe.kernel.command_line)
    EXPECT_NE(std::find(words.begin(), words.end(), word), words.end()) << word;
}

TEST_F(ImageTest, HoldsWhatItPromisesOnTheInside) {
  // A disk full of something: the guest must not see it, far less change it.
  const fs::path disk = scratch_.path() / "disk";
  ASSERT_TRUE(WriteFileAtomic(disk, std::string(16 << 20, 'D')));
  const auto before = crypto::Sha256OfFile(disk).value();
  vm::GuestConfig config = ProbeConfig();
  config.disks = {disk};
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  ProbeClient probe(scratch_.path() / "probe");
  ASSERT_TRUE(probe.WaitUntilUp(kBootTimeout)) << guest.Log();
  ASSERT_TRUE(VpnAnswers());
  const auto profile = Profile();
  const auto by_openvpn = TryOpenVpn(profile, scratch_.path());
  EXPECT_TRUE(by_openvpn) << by_openvpn.error().message;
  const auto by_wireguard = TryWireGuard(profile, scratch_.path());
  EXPECT_TRUE(by_wireguard) << by_wireguard.error().message;

  const auto recipe = recipe::LoadRecipe(LETHE_RECIPE).value();
  ExpectKernelSettings(probe, recipe);
  // No block device, no swap, no medium.
  EXPECT_EQ(probe.Read("proc:partitions").value(), "");
  const std::string swaps = probe.Read("proc:swaps").value();
  EXPECT_EQ(Lines(swaps).size(), 1U) << swaps;
  EXPECT_EQ(probe.Run({"/usr/bin/ls", "-A", "/sys/class/block"}).value(), "");
  ExpectOnlyMemoryIsWritable(probe.Read("proc:1/mountinfo").value());
  EXPECT_FALSE(probe.Run({"/usr/bin/touch", "/usr/x"}));

  // Nothing is logged and nothing says anything.
  EXPECT_EQ(probe.Run({"/usr/bin/ls", "-A", "/var/log"}).value(), "");
  EXPECT_FALSE(probe.Run({"/usr/bin/ls", "/run/systemd/journal/socket"}));
  EXPECT_FALSE(probe.Run({"/usr/bin/ls", "/dev/log"}));
  const auto processes = probe.Processes().value();
  EXPECT_GE(processes.size(), 3U);
  bool openvpn = false;
  for (const auto& process : processes) {
    for (const std::string& descriptor : process.descriptors) {
      EXPECT_EQ(descriptor, "null") << process.exe << " (pid " << process.pid << ")";
    }
    EXPECT_EQ(process.exe.find("journal"), std::string::npos);
    openvpn = openvpn || process.exe == "/usr/sbin/openvpn";
  }
  EXPECT_TRUE(openvpn);

  // The kernel forgets what is freed, and loads nothing more.
  const std::string kernel = probe.Run({"/usr/bin/dmesg"}).value();
  EXPECT_NE(kernel.find("heap alloc:on, heap free:on"), std::string::npos)
      << kernel.substr(0, 4000);
  ASSERT_TRUE(Eventually(seconds(60), [&] {
    return probe.Read("/proc/sys/kernel/modules_disabled").value() == "1\n";
  }));
  EXPECT_EQ(probe.Read("/run/lethe-boot").value(), "0 0\n");
  EXPECT_EQ(
      probe.Run({"/usr/bin/systemctl", "--failed", "--quiet", "--no-legend", "--plain"}).value(),
      "");
  // The probe's traces are gone.
  EXPECT_FALSE(probe.Run({"/usr/bin/ls", "/probe"}));

  const uint64_t used = MemoryUsedKib(probe.Read("proc:meminfo").value());
  EXPECT_LE(used, uint64_t{recipe.max_ram_mib} << 10);
  RecordProperty("ram_used_mib", static_cast<int>(used >> 10));
  std::printf("  RAM used: %llu MiB\n", static_cast<unsigned long long>(used >> 10));

  (void)probe.Run({"/usr/bin/systemctl", "poweroff"});
  EXPECT_TRUE(guest.Wait(milliseconds(60000)).has_value()) << "the guest does not power off";
  EXPECT_EQ(crypto::Sha256OfFile(disk).value(), before) << "the disk was written to";
}

struct Flip {
  const char* file;
  boot::BootFailure reason;
};

class FlippedBitTest : public ImageTest, public ::testing::WithParamInterface<Flip> {};

TEST_P(FlippedBitTest, IsRefusedAtBootWithItsReason) {
  const auto files = ExtractBootFiles(ImageUnderTest(), scratch_.path(), GetParam().file).value();
  vm::GuestConfig config = Config();
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.command_line = files.command_line;
  config.pause_on_reboot = true;
  std::optional<boot::BootRecord> record;
  std::string panic;
  // Under an emulator a kernel panics once in a while for reasons of its own, before the first
  // program runs; what it said is shown, and the boot is tried once more.
  for (int tries = 0; tries < 2 && !record; ++tries) {
    auto guest = vm::Guest::Start(config, scratch_.path()).value();
    ASSERT_TRUE(Eventually(kBootTimeout, [&] { return guest.Paused().value(); })) << "no reboot";
    record = ReadBootRecord(guest);
    if (record) break;
    panic = KernelPanic(guest, config.memory_mib);
    std::printf("  no reason in the first page: %s\n", panic.c_str());
    ASSERT_NE(panic, kNoPanic);
    ASSERT_EQ(panic.find("Attempted to kill init"), std::string::npos);
  }
  ASSERT_TRUE(record);
  EXPECT_EQ(record->failure, GetParam().reason) << boot::ToString(record->failure);
  EXPECT_EQ(record->attempts, 1);
}

INSTANTIATE_TEST_SUITE_P(Initrd, FlippedBitTest,
                         ::testing::Values(Flip{"lethe/root.erofs", boot::BootFailure::kRootDigest},
                                           Flip{"lethe/mounts", boot::BootFailure::kInitrdDigest},
                                           Flip{"lethe/modules/03-erofs.ko",
                                                boot::BootFailure::kInitrdDigest},
                                           Flip{"kernel/x86/microcode/GenuineIntel.bin",
                                                boot::BootFailure::kInitrdDigest}));

// A boot that keeps failing counts its attempts over warm reboots: that is how a reason outlives
// them.
class WarmRebootTest : public ImageTest, public ::testing::WithParamInterface<bool> {};

TEST_P(WarmRebootTest, KeepsTheReasonAndCountsTheAttempts) {
  if (GetParam() && Tier() != "nightly") GTEST_SKIP() << "nightly: 60 s";
  const auto files =
      ExtractBootFiles(ImageUnderTest(), scratch_.path(), "lethe/root.erofs").value();
  vm::GuestConfig config = Config();
  config.uefi = GetParam();
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.command_line = files.command_line;
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  std::optional<boot::BootRecord> record;
  EXPECT_TRUE(Eventually(kBootTimeout, [&] {
    record = ReadBootRecord(guest);
    return record && record->attempts >= 2;
  })) << "no second attempt";
  ASSERT_TRUE(record);
  EXPECT_EQ(record->failure, boot::BootFailure::kRootDigest);
}

INSTANTIATE_TEST_SUITE_P(Firmware, WarmRebootTest, ::testing::Bool(),
                         [](const auto& firmware) { return firmware.param ? "Uefi" : "Bios"; });

}  // namespace
}  // namespace lethe::lab
