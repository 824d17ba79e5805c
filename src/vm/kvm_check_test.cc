#include "vm/kvm_check.h"

#include <gtest/gtest.h>

namespace lethe::vm {
namespace {

using std::chrono::milliseconds;

TEST(RunCheckRom, ReachesItsEndWhereVirtualMachinesWork) {
  const Status status = RunCheckRom({"tcg", "max"}, milliseconds(30000));
  EXPECT_TRUE(status) << status.error().message;
}

// qemu64 has no BMI2: the ROM must not execute what the processor lacks.
TEST(RunCheckRom, RunsOnAProcessorWithoutBmi2) {
  const Status status = RunCheckRom({"tcg", "qemu64"}, milliseconds(30000));
  EXPECT_TRUE(status) << status.error().message;
}

// A processor without 64-bit mode ends in a reset, as a host does that cannot run a kernel.
TEST(RunCheckRom, RefusesAMachineOnWhichA64BitKernelCannotRun) {
  const Status status = RunCheckRom({"tcg", "qemu32"}, milliseconds(30000));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
}

TEST(RunCheckRom, TellsWhatQemuSays) {
  const Status status = RunCheckRom({"no-such-accelerator", "max"}, milliseconds(30000));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(status.error().message.find("no-such-accelerator"), std::string::npos);
}

TEST(CheckRom, IsOneRomWithAJumpAtTheResetVector) {
  const std::string rom = CheckRom();
  ASSERT_EQ(rom.size(), 65536U);
  EXPECT_EQ(rom[0xfff0], '\xe9');
  EXPECT_EQ(rom[0], '\xfa');
}

}  // namespace
}  // namespace lethe::vm
