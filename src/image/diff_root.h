// Compares files: two versions of one path, and with them two root images.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/diff.h"
#include "image/diff_map.h"

namespace lethe::image {

// One path in one image, apart from any file system.
struct FileSide {
  unsigned mode = 0100644;  // with the type bits of st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t mtime_unix_s = 0;
  std::string first_link;                                   // the first path of the same inode
  std::vector<std::pair<std::string, std::string>> xattrs;  // in stored order
  std::string_view content;                                 // of files; of links their target
  std::string package;                                      // of the manifest
  std::string version;                                      // of that package
};

// All differences of one path; null for a side that does not have it, at most one of them.
std::vector<Difference> CompareFile(const std::string& path, const FileSide* a, const FileSide* b,
                                    const PairFacts& facts);

// Fills a content difference's excerpt, offset and sizes from the two contents.
void DescribeContents(std::string_view a, std::string_view b, Difference& out);

struct RootComparison {
  std::vector<Difference> differences;  // of files
  // Of the same files: how they are stored. Empty where a file differs: it would only follow.
  std::vector<Difference> storage;
};

// Both must have a readable root image. Reads only files whose stored bytes differ, on `jobs`
// threads.
RootComparison CompareRoots(const ImageMap& a, const ImageMap& b, const PairFacts& facts,
                            unsigned jobs);

}  // namespace lethe::image
