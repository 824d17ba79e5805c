// Names the bytes of an ISO that belong to no file: boot code, partition tables, volume
// descriptors, path tables, folders (ECMA-119, RRIP 1.12, UEFI 2.10 chapter 5), and the El Torito
// boot catalogue. Hostile input only leaves pieces unnamed.
#pragma once

#include <string_view>

#include "image/diff_layer.h"
#include "image/iso_reader.h"

namespace lethe::image {

struct Extent {
  uint64_t at = 0;
  uint64_t size = 0;
};

void DescribeSystemArea(std::string_view iso, PieceList& out);
void DescribeVolumes(std::string_view iso, PieceList& out);
// Returns the EFI system partition; empty where the catalogue names none.
Extent DescribeBootCatalogue(std::string_view iso, const IsoListing& listing, PieceList& out);

}  // namespace lethe::image
