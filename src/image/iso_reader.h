// Reads the structure of an ISO 9660 image with Rock Ridge names (ECMA-119, SUSP/RRIP 1.12), as our
// builds make them. Pure: bytes in, listing out; hostile images are kMalformed with the byte
// offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::image {

struct IsoFile {
  std::string path;     // absolute
  uint64_t offset = 0;  // of its bytes in the image
  uint64_t size = 0;
};

struct IsoListing {
  std::vector<IsoFile> files;  // sorted by path
  std::string volume_id;
};

Result<IsoListing> ReadIso(std::string_view iso);

// Null where the listing has no such file.
const IsoFile* FindIsoFile(const IsoListing& listing, std::string_view path);

// SHA-256 over all bytes of the image that belong to no file: volume descriptors, folders, boot
// sectors, the EFI system partition, padding. Together with the files' digests it covers every
// byte.
crypto::Sha256Digest IsoStructureDigest(std::string_view iso, const IsoListing& listing);

}  // namespace lethe::image
