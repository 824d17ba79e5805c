// The unified kernel image: systemd's stub with kernel, initrd and command line as sections of one
// UEFI program, so that one signature covers all of them. Format: docs/formats/uki.md (UAPI group's
// "Unified Kernel Image"). Pure: bytes in, bytes out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/manifest.h"

namespace lethe::image {

// Where Debian's systemd-boot-efi keeps the stub.
inline constexpr std::string_view kStubPath = "/usr/lib/systemd/boot/efi/linuxx64.efi.stub";

inline constexpr std::string_view kUkiKernel = ".linux";
inline constexpr std::string_view kUkiInitrd = ".initrd";
inline constexpr std::string_view kUkiCommandLine = ".cmdline";
inline constexpr std::string_view kUkiOsRelease = ".osrel";
inline constexpr std::string_view kUkiKernelVersion = ".uname";

struct UkiParts {
  std::string_view stub;
  std::string_view os_release;
  std::string_view command_line;
  std::string_view kernel_version;
  std::string_view initrd;
  std::string_view kernel;
};

// The same parts give the same bytes. kMalformed for a stub or a kernel that is no UEFI program,
// kConflict where the stub has one of the sections already, or something does not fit.
Result<std::string> AssembleUki(const UkiParts& parts);

// What a manifest says about a unified kernel image. kMalformed for a bad one.
Result<ManifestUki> DescribeUki(std::string_view uki);

}  // namespace lethe::image
