// Makes the hybrid ISO: one boot path for BIOS and UEFI, from optical and USB media alike. GRUB
// reads kernel and initrd into RAM with a fixed, built-in script: no menu, no prompt, a reboot on
// failure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::image {

struct IsoInputs {
  std::filesystem::path tools_root;  // grub-mkimage, mkfs.fat, mcopy, xorriso
  std::filesystem::path files;       // folder with the files of the ISO at their places
  std::filesystem::path scratch;     // an empty folder; holds the boot images between the two calls
  std::string volume_id;
  std::string command_line;
  uint64_t epoch_unix_s = 0;      // every date in the image
  crypto::Sha256Digest identity;  // source of every identifier (disk, file system)
};

// GRUB for BIOS and, inside of an EFI system partition, for UEFI. Needs nothing of `files`.
Status MakeBootImages(const IsoInputs& inputs);

// Writes `output`, after MakeBootImages. The same inputs give the same bytes.
Status WriteIso(const IsoInputs& inputs, const std::filesystem::path& output);

}  // namespace lethe::image
