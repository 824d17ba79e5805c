// The bill of materials of an image: SPDX 2.3 in JSON.
#pragma once

#include <string>

#include "image/manifest.h"
#include "recipe/lock.h"

namespace lethe::image {

// Lists the image, each package in it (CONTAINS), and each package that built it (BUILD_TOOL_OF).
// `epoch_unix_s` is the time of the document: the commit's.
std::string WriteSbom(const Manifest& manifest, const recipe::Lock& lock, uint64_t epoch_unix_s);

}  // namespace lethe::image
