// How `lethe image diff` tells a comparison: for people, and as JSON
// (docs/formats/image-diff.md).
#pragma once

#include <cstddef>

#include "image/diff.h"
#include "json/json.h"

namespace lethe::cli {

// At most `limit` rows of differences, and the bytes of at most five of them.
void PrintDiffReport(const image::DiffReport& report, size_t limit);

json::Value DiffReportJson(const image::DiffReport& report);

}  // namespace lethe::cli
