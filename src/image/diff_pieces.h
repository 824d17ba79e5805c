// Compares the named pieces of two ISOs: all but the files of their root images.
#pragma once

#include <vector>

#include "image/diff.h"
#include "image/diff_map.h"

namespace lethe::image {

// How much of the root image the pieces have to tell.
enum class RootPieces {
  kSuperblock,  // its files tell the rest
  kStructure,   // its files are the same: everything but their data
  kAll,         // its files cannot be read on one side: everything, by the names of the other
};

std::vector<Difference> ComparePieces(const ImageMap& a, const ImageMap& b, const PairFacts& facts,
                                      RootPieces root);

}  // namespace lethe::image
