#include "reproduce/compare.h"

#include <algorithm>
#include <cstdio>

#include "image/iso_reader.h"

namespace lethe::reproduce {
namespace {

// Which file of an ISO holds the byte; also for images that are no ISO at all.
std::string FileAt(std::string_view iso, uint64_t offset) {
  const auto listing = image::ReadIso(iso);
  if (!listing) return "a damaged ISO";
  for (const image::IsoFile& file : listing->files) {
    if (offset >= file.offset && offset - file.offset < file.size) return file.path;
  }
  return "the ISO's structure";
}

}  // namespace

std::optional<Difference> FirstDifference(std::string_view expected, std::string_view built) {
  const size_t common = std::min(expected.size(), built.size());
  const auto [at, other] =
      std::mismatch(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(common),
                    built.begin(), built.begin() + static_cast<ptrdiff_t>(common));
  (void)other;
  const auto offset = static_cast<size_t>(at - expected.begin());
  if (offset == common && expected.size() == built.size()) return std::nullopt;
  Difference out{.offset = offset,
                 .where = FileAt(offset < expected.size() ? expected : built, offset)};
  for (size_t i = offset; i < common; ++i) out.differing_bytes += expected[i] != built[i] ? 1 : 0;
  out.differing_bytes += std::max(expected.size(), built.size()) - common;
  return out;
}

std::string Describe(const Difference& difference) {
  char text[96];
  std::snprintf(text, sizeof text, "byte %llu (0x%llx), in ",
                static_cast<unsigned long long>(difference.offset),
                static_cast<unsigned long long>(difference.offset));
  return text + difference.where + "; " + std::to_string(difference.differing_bytes) +
         (difference.differing_bytes == 1 ? " byte differs" : " bytes differ");
}

}  // namespace lethe::reproduce
