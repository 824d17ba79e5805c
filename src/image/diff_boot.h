// Names the bytes of what boots: GRUB's BIOS image, the EFI partition with its program, the kernel,
// the initrd's archives. Formats: El Torito boot information table (xorriso), FAT, PE/COFF
// (Microsoft, revision 11), newc. Hostile input only leaves pieces unnamed.
#pragma once

#include <string_view>

#include "image/diff_iso.h"
#include "image/diff_layer.h"

namespace lethe::image {

void DescribeBiosLoader(const Extent& file, PieceList& out);
void DescribeEfiPartition(std::string_view iso, const Extent& partition, PieceList& out);
// Headers and sections of a PE program; nothing where it is none.
struct PeContext {
  Layer layer;
  std::string prefix;  // of the names
  uint64_t layer_at;
};
void DescribePe(std::string_view iso, const Extent& file, const PeContext& context, PieceList& out);
void DescribeKernel(std::string_view iso, const Extent& file, PieceList& out);
// Returns the root image; empty where there is none, or where the archive cannot be read.
Extent DescribeInitrd(std::string_view iso, const Extent& file, PieceList& out);

}  // namespace lethe::image
