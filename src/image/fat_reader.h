// Reads FAT12, FAT16 and FAT32 volumes (Microsoft, "FAT: General Overview of On-Disk Format" 1.03)
// down to the place of each field, as the EFI partition of an ISO is one. Pure: bytes in, listing
// out; hostile volumes are kMalformed with the byte offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

struct FatRun {  // of bytes that lie together in the volume
  uint64_t at = 0;
  uint64_t size = 0;
};

struct FatEntry {
  // Absolute, by short names: "/EFI/BOOT/BOOTX64.EFI". The entries "." and ".." are there too, as
  // folders without content.
  std::string path;
  uint64_t entry_at = 0;  // of the 32 bytes of its directory entry
  bool folder = false;
  bool label = false;           // the volume's label: has no content
  uint64_t size = 0;            // of files
  std::vector<FatRun> content;  // of a folder: its clusters
};

struct FatVolume {
  int bits = 12;                  // 12, 16 or 32
  uint64_t extended_at = 0;       // of drive number, serial, label, type: 36, or 64 for FAT32
  FatRun tables;                  // all copies of the allocation table
  FatRun root;                    // the root folder of FAT12 and FAT16; empty for FAT32
  std::vector<FatEntry> entries;  // in stored order, parents first
};

Result<FatVolume> ReadFat(std::string_view volume);

}  // namespace lethe::image
