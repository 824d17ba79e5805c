#include "image/uki.h"

#include <gtest/gtest.h>

#include "image/pe.h"
#include "image/pe_signature.h"
#include "image/pe_test_image.h"
#include "image/verify.h"

namespace lethe::image {
namespace {

const std::string kStub = MakeTestPe();

UkiParts Parts() {
  return {.stub = kStub,
          .os_release = "ID=x\n",
          .command_line = "quiet memmap=4K$0x3000",
          .kernel_version = "6.12",
          .initrd = "initrd",
          .kernel = kStub};
}

TEST(AssembleUki, HoldsEveryPartOnce) {
  const auto uki = AssembleUki(Parts());
  ASSERT_TRUE(uki) << uki.error().message;
  const auto pe = ReadPe(*uki).value();
  ASSERT_EQ(pe.sections.size(), 7U);
  EXPECT_EQ(pe.sections.back().name, kUkiKernel);
  for (const auto& [name, bytes] : {std::pair{kUkiOsRelease, Parts().os_release},
                                    {kUkiCommandLine, Parts().command_line},
                                    {kUkiKernelVersion, Parts().kernel_version},
                                    {kUkiInitrd, Parts().initrd},
                                    {kUkiKernel, Parts().kernel}}) {
    const PeSection* section = FindPeSection(pe, name);
    ASSERT_NE(section, nullptr) << name;
    EXPECT_EQ(PeSectionBytes(*uki, *section), bytes) << name;
  }
  EXPECT_EQ(AssembleUki(Parts()).value(), *uki);
}

TEST(AssembleUki, RefusesWhatCannotBoot) {
  UkiParts parts = Parts();
  parts.stub = "no stub";
  EXPECT_EQ(AssembleUki(parts).error().code, ErrorCode::kMalformed);
  parts = Parts();
  parts.kernel = "no UEFI program, however long this sentence gets, and it must have 64 bytes";
  EXPECT_EQ(AssembleUki(parts).error().code, ErrorCode::kMalformed);
  parts = Parts();
  parts.command_line = "";
  EXPECT_EQ(AssembleUki(parts).error().code, ErrorCode::kConflict);
  parts = Parts();
  const std::string twice = AddPeSections(kStub, {{".cmdline", "quiet"}}).value();
  parts.stub = twice;
  const auto conflict = AssembleUki(parts);
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::kConflict);
  EXPECT_NE(conflict.error().message.find(".cmdline"), std::string::npos);
}

TEST(DescribeUki, ListsSectionsByName) {
  const std::string uki = AssembleUki(Parts()).value();
  const auto described = DescribeUki(uki).value();
  EXPECT_EQ(described.sha256, crypto::Sha256Of(uki));
  EXPECT_EQ(described.authenticode, AuthenticodeDigest(uki, ReadPe(uki).value()));
  std::string names;
  for (const ManifestBlob& blob : described.sections) names += blob.path + " ";
  EXPECT_EQ(names, ".cmdline .initrd .linux .osrel .reloc .text .uname ");
  EXPECT_EQ(described.sections[3].size, 5U);
  EXPECT_EQ(described.sections[3].sha256, crypto::Sha256Of("ID=x\n"));
}

// The real image with every kind of damage: tests/functional/image_uki.
TEST(VerifyUki, NeedsAManifestAndReadsIt) {
  const std::string uki = AssembleUki(Parts()).value();
  EXPECT_EQ(VerifyUki(uki, {}).error().code, ErrorCode::kUsage);
  EXPECT_EQ(VerifyUki(uki, {.manifest = "{}"}).error().code, ErrorCode::kMalformed);
  Manifest manifest;
  manifest.uki = DescribeUki(uki).value();
  EXPECT_EQ(VerifyUki("MZ", {.manifest = WriteManifest(manifest)}).error().code,
            ErrorCode::kMalformed);
  const auto report = VerifyUki(uki, {.manifest = WriteManifest(manifest)});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->findings.size(), 1U) << "'initrd' is no archive";
  EXPECT_EQ(report->findings[0].where, ".initrd");
  EXPECT_EQ(report->uki_sections, 7U);
}

TEST(VerifyUki, SaysWhichSectionDiffers) {
  Manifest manifest;
  manifest.uki = DescribeUki(AssembleUki(Parts()).value()).value();
  UkiParts parts = Parts();
  parts.command_line = "quiet memmap=4K$0x3001";
  const auto report =
      VerifyUki(AssembleUki(parts).value(), {.manifest = WriteManifest(manifest)}).value();
  ASSERT_EQ(report.findings.size(), 2U);
  EXPECT_EQ(report.findings[0].where, ".cmdline");
}

TEST(VerifyUki, SeesPaddingAndHeaders) {
  const std::string uki = AssembleUki(Parts()).value();
  const auto pe = ReadPe(uki).value();
  Manifest manifest;
  manifest.uki = DescribeUki(uki).value();
  for (const size_t place : {kTestCoff + 4, FindPeSection(pe, kUkiInitrd)->raw_offset + 511UL}) {
    std::string flipped = uki;
    flipped[place] = static_cast<char>(flipped[place] ^ 1);
    const auto report = VerifyUki(flipped, {.manifest = WriteManifest(manifest)}).value();
    ASSERT_EQ(report.findings.size(), 2U) << place;
    EXPECT_EQ(report.findings[1].where, "UKI structure");
  }
}

}  // namespace
}  // namespace lethe::image
