// Microcode for processors: the vendors' files, checked and put together as the kernel's early
// loader expects them at the front of the initrd. Formats: Intel SDM volume 3, "microcode update
// facilities"; AMD's containers as arch/x86/kernel/cpu/microcode/amd.c of Linux reads them; where
// the kernel looks: Documentation/arch/x86/microcode.rst. Nothing here trusts its input: sizes and
// sums are checked, and what breaks a format is kMalformed with the byte.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/tree.h"
#include "image/unpack.h"

namespace lethe::image {

// Paths in the initrd, and the only ones at which the kernel looks.
inline constexpr std::string_view kAmdMicrocodePath = "/kernel/x86/microcode/AuthenticAMD.bin";
inline constexpr std::string_view kIntelMicrocodePath = "/kernel/x86/microcode/GenuineIntel.bin";

// A processor as CPUID leaf 1 (EAX) names it.
struct CpuSignature {
  uint32_t eax = 0;
  unsigned Family() const;
  unsigned Model() const;
  unsigned Stepping() const { return eax & 0xf; }
  auto operator<=>(const CpuSignature&) const = default;
};

// One update for one processor.
struct MicrocodeUpdate {
  CpuSignature cpu;
  uint32_t platforms = 0;  // Intel: bit mask of platform ids; AMD: 0
  uint32_t revision = 0;
  std::string date;  // YYYY-MM-DD; empty where the vendor's field is no date
  uint64_t size_bytes = 0;
  bool operator==(const MicrocodeUpdate&) const = default;
};

// Updates one after another, with their extended signatures, in the order of the file.
Result<std::vector<MicrocodeUpdate>> ParseIntelMicrocode(std::string_view bytes);
// Containers one after another. A patch without a processor in its container's table is malformed.
Result<std::vector<MicrocodeUpdate>> ParseAmdMicrocode(std::string_view bytes);

// The two files of the early archive; empty where a vendor's are not wanted.
struct MicrocodeFiles {
  std::string amd;
  std::string intel;
};

// Joins the files of packages ("…/intel-ucode/06-55-04", "…/amd-ucode/microcode_amd.bin") in byte
// order of their paths. Each is parsed: a broken one is kMalformed with its path. Pure.
Result<MicrocodeFiles> JoinMicrocode(const Tree& firmware);

// The archive that stands first in the initrd; empty where both files are. Pure. The content of
// each file is aligned to 16 bytes, as the processor wants it.
Result<std::string> EarlyArchive(const MicrocodeFiles& files);

// Writes to the existing empty folder `output`: amd.bin and intel.bin (where there is any), and
// copyrights/<package>/usr/share/doc/… . kMalformed where a package has no microcode.
Status CollectMicrocode(const std::vector<PackageFile>& packages,
                        const std::filesystem::path& output);
// What CollectMicrocode wrote.
Result<MicrocodeFiles> ReadMicrocode(const std::filesystem::path& folder);

}  // namespace lethe::image
