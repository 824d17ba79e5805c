// The unified kernel image under real UEFI firmware, with Secure Boot on and only our key enrolled.

#include <gtest/gtest.h>

#include <cstdlib>

#include "image/pe.h"
#include "image/pe_signature.h"
#include "image/uki.h"
#include "lab.h"
#include "secure_boot.h"
#include "vm/openvpn_probe.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kBootTimeout(400);  // bounds a hang: a busy machine emulates slowly
constexpr const char* kEmptyVariables = "/usr/share/OVMF/OVMF_VARS_4M.fd";
// OVMF's word on the console for EFI_ACCESS_DENIED.
constexpr std::string_view kRefusal = "Access Denied";

class SecureBootTest : public ::testing::Test {
 protected:
  std::string Uki() {
    fs::path path = ImageUnderTest();
    return ReadFile(path.replace_extension(".efi")).value();
  }

  std::string Signed(const std::string& uki, const crypto::AuthenticodeKey& key) {
    const auto pe = image::ReadPe(uki).value();
    const auto pkcs7 = crypto::SignAuthenticode(image::AuthenticodeDigest(uki, pe), key).value();
    return image::AttachPeSignature(uki, pkcs7).value();
  }

  // One bit in the padding behind a section: nothing reads it, only the signature covers it.
  std::string Tampered(std::string uki) {
    const auto pe = image::ReadPe(uki).value();
    const auto* section = image::FindPeSection(pe, image::kUkiOsRelease);
    EXPECT_LT(section->virtual_size, section->raw_size);
    char& byte = uki[section->raw_offset + section->raw_size - 1];
    byte = static_cast<char>(byte ^ 1);
    return uki;
  }

  vm::GuestConfig Config(const std::string& uki, bool secure) {
    EXPECT_TRUE(WriteFileAtomic(path("x.efi"), uki));
    MakeEspDisk(path("x.efi"), path("esp")).value();
    vm::GuestConfig config;
    config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
    config.uefi = true;
    config.disks = {path("esp")};
    config.forwards = {{"udp", 1194, 1194}};
    config.serial_console = path("console");
    if (!secure) return config;
    const auto der = crypto::CertificateDer(own_.certificate_pem).value();
    const auto store = EnrollKey(ReadFile(kEmptyVariables).value(), der).value();
    EXPECT_TRUE(WriteFileAtomic(path("enrolled.fd"), store));
    config.secure_boot = true;
    config.variables = path("enrolled.fd");
    return config;
  }

  std::string Console() { return ReadFile(path("console")).value(); }
  bool Refused() { return Console().find(kRefusal) != std::string::npos; }
  static bool Answers(milliseconds timeout) { return vm::OpenVpnAnswers(1194, timeout).value(); }

  void ExpectBoots(const std::string& uki, bool secure) {
    auto guest = vm::Guest::Start(Config(uki, secure), scratch_.path()).value();
    EXPECT_TRUE(Eventually(kBootTimeout, [&] { return Refused() || Answers(milliseconds(500)); }));
    EXPECT_FALSE(Refused()) << Console();
    EXPECT_TRUE(Answers(milliseconds(2000))) << Console() << guest.Log();
  }

  void ExpectRefused(const std::string& uki) {
    auto guest = vm::Guest::Start(Config(uki, true), scratch_.path()).value();
    EXPECT_TRUE(Eventually(kBootTimeout, [&] { return Refused() || Answers(milliseconds(500)); }))
        << Console() << guest.Log();
    EXPECT_TRUE(Refused()) << Console();
    EXPECT_FALSE(Answers(milliseconds(2000)));
  }

  fs::path path(const char* name) const { return scratch_.path() / name; }

  ScratchDir scratch_ = ScratchDir::Create(fs::temp_directory_path(), "secureboot-").value();
  crypto::AuthenticodeKey own_ = MakeTestKey("own", scratch_.path()).value();
};

// The stub that a UKI was made from: without the sections behind the first of ours.
std::string StubOf(const std::string& uki) {
  const auto pe = image::ReadPe(uki).value();
  const auto* first = image::FindPeSection(pe, image::kUkiOsRelease);
  const auto count = static_cast<size_t>(first - pe.sections.data());
  constexpr size_t kSectionHeaderBytes = 40;
  constexpr size_t kImageSize = 20 + 56;  // from the COFF header
  std::string stub = uki.substr(0, first->raw_offset);
  stub[pe.coff_offset + 2] = static_cast<char>(count);
  for (size_t i = 0; i < 4; ++i)
    stub[pe.coff_offset + kImageSize + i] = static_cast<char>(first->virtual_address >> (8 * i));
  const size_t headers_end = pe.table_offset + pe.sections.size() * kSectionHeaderBytes;
  const size_t at = pe.table_offset + count * kSectionHeaderBytes;
  return stub.replace(at, headers_end - at, headers_end - at, '\0');
}

// The same kernel and initrd with the probe behind it.
std::string WithProbe(const std::string& uki, const fs::path& scratch) {
  const auto manifest_files = ExtractBootFiles(ImageUnderTest(), scratch);
  BootFiles files = manifest_files.value();
  AddProbe(files).value();
  const auto pe = image::ReadPe(uki).value();
  const auto part = [&](std::string_view name) {
    return image::PeSectionBytes(uki, *image::FindPeSection(pe, name));
  };
  return image::AssembleUki({.stub = StubOf(uki),
                             .os_release = part(image::kUkiOsRelease),
                             .command_line = files.command_line,
                             .kernel_version = part(image::kUkiKernelVersion),
                             .initrd = ReadFile(files.initrd).value(),
                             .kernel = part(image::kUkiKernel)})
      .value();
}

bool Nightly() {
  const char* tier = std::getenv("LETHE_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "nightly";
}

TEST_F(SecureBootTest, BootsWhatOurKeySigned) { ExpectBoots(Signed(Uki(), own_), true); }

TEST_F(SecureBootTest, FirmwareRefusesOneFlippedBit) {
  ExpectRefused(Tampered(Signed(Uki(), own_)));
}

TEST_F(SecureBootTest, FlippedBitBootsWithoutSecureBoot) {
  if (!Nightly()) GTEST_SKIP() << "nightly: 60 s";
  ExpectBoots(Tampered(Signed(Uki(), own_)), false);
}

TEST_F(SecureBootTest, FirmwareRefusesAnotherKey) {
  if (!Nightly()) GTEST_SKIP() << "nightly: 20 s";
  ExpectRefused(Signed(Uki(), MakeTestKey("other", scratch_.path()).value()));
}

TEST_F(SecureBootTest, FirmwareRefusesNoSignature) {
  if (!Nightly()) GTEST_SKIP() << "nightly: 20 s";
  ExpectRefused(Uki());
}

// From the inside: the kernel knows that it was verified, and the disk it was read from is not
// there.
TEST_F(SecureBootTest, KernelIsLockedDownAndSeesNoDisk) {
  if (!Nightly()) GTEST_SKIP() << "nightly: 70 s";
  vm::GuestConfig config = Config(Signed(WithProbe(Uki(), scratch_.path()), own_), true);
  config.ports = {{"lethe.probe", {}, path("probe")}};
  auto guest = vm::Guest::Start(config, scratch_.path()).value();
  ProbeClient probe(path("probe"));
  ASSERT_TRUE(probe.WaitUntilUp(kBootTimeout)) << Console() << guest.Log();
  ASSERT_TRUE(Eventually(kBootTimeout, [] { return Answers(milliseconds(500)); }));
  const auto dmesg = probe.Run({"/usr/bin/dmesg"});
  ASSERT_TRUE(dmesg) << dmesg.error().message;
  const std::string& kernel = *dmesg;
  EXPECT_NE(kernel.find("Secure boot enabled"), std::string::npos) << kernel.substr(0, 6000);
  EXPECT_NE(kernel.find("Kernel is locked down from EFI Secure Boot"), std::string::npos);
  // That takes the place away where lethe-init leaves the reason of a failed boot.
  EXPECT_FALSE(probe.Run({"/usr/bin/dd", "if=/dev/mem", "of=/dev/null", "bs=16", "count=1"}));
  EXPECT_TRUE(probe.Run({"/usr/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=16", "count=1"}));
  EXPECT_NE(kernel.find("heap alloc:on, heap free:on"), std::string::npos);
  EXPECT_EQ(probe.Read("proc:partitions").value(), "");
  EXPECT_EQ(probe.Run({"/usr/bin/ls", "-A", "/sys/class/block"}).value(), "");
}

}  // namespace
}  // namespace lethe::lab
