// Where a build takes packages from that the store lacks: Debian's mirrors.
#pragma once

#include "debian/mirrors.h"
#include "image/store.h"

namespace lethe::cli {

// Tries the mirrors in order. "Gone" (kNotFound) only where every mirror answered so.
image::PackageFetcher FetcherFrom(debian::Mirrors mirrors);

}  // namespace lethe::cli
