// What describes an ISO from within: the manifest and the sums. Both are written with digests still
// zero before the ISO is laid out, and filled in afterwards. Private to BuildImage.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "image/manifest.h"

namespace lethe::image {

// Room for both: digests zero, sizes at their widest.
struct Placeholders {
  std::string manifest;
  std::string sums;
};
Placeholders MakePlaceholders(Manifest manifest);

// Fills in the digests of the ISO's files (the ISO writer changes one of them), of its structure,
// and the sums; `manifest` holds the same afterwards.
Status SealIso(const std::filesystem::path& iso_file, Manifest& manifest);

}  // namespace lethe::image
