#include "vm/guest.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "base/file.h"

namespace lethe::vm {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// The word after `option`, of its n-th use.
std::string After(const std::vector<std::string>& command, const std::string& option, int n = 0) {
  for (size_t i = 0; i + 1 < command.size(); ++i) {
    if (command[i] == option && n-- == 0) return command[i + 1];
  }
  return "";
}

TEST(QemuCommand, BootsAnIsoByBios) {
  const auto command = QemuCommand({.iso = "/x/a.iso"}, "/s");
  EXPECT_EQ(After(command, "-accel"), "tcg,thread=multi");
  EXPECT_EQ(After(command, "-cpu"), "max");
  EXPECT_EQ(After(command, "-m"), "1024");
  EXPECT_EQ(After(command, "-display"), "none");
  EXPECT_EQ(After(command, "-drive"), "media=cdrom,format=raw,readonly=on,file=/x/a.iso");
  EXPECT_EQ(After(command, "-qmp"), "unix:/s/qmp,server=on,wait=off");
  EXPECT_EQ(std::count(command.begin(), command.end(), "-kernel"), 0);
  EXPECT_EQ(std::count(command.begin(), command.end(), "-machine"), 0);
}

TEST(QemuCommand, TakesKvmAndTheHostsProcessorTogether) {
  const auto command = QemuCommand({.accelerator = Accelerator::kKvm, .iso = "/a"}, "/s");
  EXPECT_EQ(After(command, "-accel"), "kvm");
  EXPECT_EQ(After(command, "-cpu"), "host");
}

TEST(QemuCommand, SharesFoldersAndSetsClockAndProcessor) {
  const auto command = QemuCommand({.iso = "/a",
                                    .folders = {{"host", "/", true}, {"result", "/r,1", false}},
                                    .cpu_model = "Nehalem",
                                    .clock = "2030-01-31T12:00:00"},
                                   "/s");
  EXPECT_EQ(After(command, "-cpu"), "Nehalem");
  EXPECT_EQ(After(command, "-rtc"), "base=2030-01-31T12:00:00");
  EXPECT_EQ(After(command, "-virtfs"),
            "local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on");
  EXPECT_EQ(After(command, "-virtfs", 1),
            "local,path=/r,,1,mount_tag=result,security_model=none,multidevs=remap,readonly=off");
}

TEST(QemuCommand, GivesUefiItsOwnVariables) {
  const auto command = QemuCommand({.uefi = true, .iso = "/a"}, "/s");
  EXPECT_EQ(After(command, "-machine"), "q35");
  EXPECT_NE(After(command, "-drive").find("readonly=on"), std::string::npos);
  EXPECT_EQ(After(command, "-drive", 1), "if=pflash,format=raw,file=/s/variables.fd");
}

TEST(QemuCommand, GuardsVariablesUnderSecureBoot) {
  const auto command = QemuCommand(
      {.uefi = true, .secure_boot = true, .serial_console = "/c,1", .disks = {"/d"}}, "/s");
  EXPECT_EQ(After(command, "-machine"), "q35,smm=on");
  EXPECT_EQ(After(command, "-global"), "driver=cfi.pflash01,property=secure,value=on");
  EXPECT_NE(After(command, "-drive").find("OVMF_CODE_4M.secboot.fd"), std::string::npos);
  EXPECT_EQ(After(command, "-drive", 1), "if=pflash,format=raw,file=/s/variables.fd");
  EXPECT_EQ(After(command, "-serial"), "file:/c,,1");
}

TEST(QemuCommand, ForwardsPortsOnLoopbackOnly) {
  const auto command =
      QemuCommand({.iso = "/a", .forwards = {{"udp", 11940, 1194}, {"tcp", 4430, 443}}}, "/s");
  EXPECT_EQ(After(command, "-netdev"),
            "user,id=net,net=192.0.2.0/24,hostfwd=udp:127.0.0.1:11940-:1194,"
            "hostfwd=tcp:127.0.0.1:4430-:443");
}

TEST(QemuCommand, TakesATapInsteadOfItsOwnNetwork) {
  const auto command = QemuCommand({.iso = "/a", .tap = "uplink"}, "/s");
  EXPECT_EQ(After(command, "-netdev"), "tap,id=net,script=no,downscript=no,ifname=uplink");
}

TEST(QemuCommand, GivesFramesToAnotherProcess) {
  const auto command = QemuCommand({.iso = "/a", .frames = vm::FrameSocket{7001, 7002}}, "/s");
  EXPECT_EQ(After(command, "-netdev"), "socket,id=net,udp=127.0.0.1:7002,localaddr=127.0.0.1:7001");
}

TEST(QemuCommand, KeepsPathsWithCommasInOnePiece) {
  const auto command = QemuCommand({.iso = "/x,readonly=off/a.iso",
                                    .disks = {"/d,1"},
                                    .ports = {{"lethe.client", "/p,1", {}}, {"p", {}, "/q,1"}}},
                                   "/s,1");
  EXPECT_EQ(After(command, "-drive"),
            "media=cdrom,format=raw,readonly=on,file=/x,,readonly=off/a.iso");
  EXPECT_EQ(After(command, "-drive", 1), "if=virtio,format=raw,file=/d,,1");
  EXPECT_EQ(After(command, "-chardev"), "file,id=port0,path=/p,,1");
  EXPECT_EQ(After(command, "-chardev", 1), "socket,id=port1,path=/q,,1,server=on,wait=off");
  EXPECT_EQ(After(command, "-qmp"), "unix:/s,,1/qmp,server=on,wait=off");
}

class GuestTest : public ::testing::Test {
 protected:
  // A machine of which only the firmware runs: nothing to boot from.
  Result<Guest> StartEmpty() { return Guest::Start({.memory_mib = 64}, scratch_.path()); }
  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "vm-test-").value();
};

TEST_F(GuestTest, ShowsMemoryOfTheGuest) {
  auto guest = StartEmpty();
  ASSERT_TRUE(guest) << guest.error().message;
  // The reset vector in ROM, a far jump; its copy below 1 MiB comes and goes while the BIOS runs.
  const auto memory = guest->ReadMemory(0xfffffff0, 16);
  ASSERT_TRUE(memory) << memory.error().message;
  ASSERT_EQ(memory->size(), 16U);
  EXPECT_EQ((*memory)[0], '\xea');
  EXPECT_FALSE(guest->Paused().value());
}

TEST_F(GuestTest, EndsWithItsOwner) {
  pid_t pid = -1;
  {
    auto guest = StartEmpty();
    ASSERT_TRUE(guest) << guest.error().message;
    EXPECT_TRUE(guest->running());
    pid = guest->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(GuestTest, TellsWhyQemuRefusesToStart) {
  const auto guest = Guest::Start({.iso = "/no/such.iso"}, scratch_.path());
  ASSERT_FALSE(guest);
  EXPECT_EQ(guest.error().code, ErrorCode::kIo);
  EXPECT_NE(guest.error().message.find("/no/such.iso"), std::string::npos);
}

}  // namespace
}  // namespace lethe::vm
