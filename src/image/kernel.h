// The kernel of the image: unpacked from its package, not installed. Only the modules on the
// recipe's allow-list ship, closed over what they depend on; everything else cannot be loaded
// because it is not there.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

// What a module says about itself in its .modinfo section (ELF64).
struct ModuleInfo {
  std::vector<std::string> depends;
  std::vector<std::string> soft_depends;  // "pre" and "post"
  std::vector<std::string> aliases;
  std::vector<std::string> firmware;
};

// kMalformed for anything that is no ELF64 relocatable file with a .modinfo section.
Result<ModuleInfo> ParseModuleInfo(std::string_view elf);

struct KernelSelection {
  std::vector<std::string> modules;         // names or exact aliases; '-' and '_' are the same
  std::vector<std::string> initrd_modules;  // also become part of the root
  unsigned jobs = 2;
};

// Writes to the existing empty folder `output`:
//   version         the kernel's release, e.g. 6.12.1-amd64
//   vmlinuz
//   initrd-modules  paths below `root`, one per line, in loading order
//   firmware        the files that the modules ask for (image/firmware.h reads it)
//   root/           usr/lib/modules/<version>/… with decompressed modules (and `lib`, a link for
//   depmod)
// kNotFound for a module that the kernel does not have; kConflict for a driver of storage, also
// where only another module needs it, with the chain that led to it; kMalformed for a damaged
// package.
Status ExtractKernel(const std::filesystem::path& deb, const KernelSelection& selection,
                     const std::filesystem::path& output);

}  // namespace lethe::image
