// Two images, byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lethe::reproduce {

struct Difference {
  uint64_t offset = 0;           // of the first byte that differs, or where the shorter one ends
  std::string where;             // the file of the ISO that it is in, or "ISO structure"
  uint64_t differing_bytes = 0;  // bytes at the same offset, and what the longer one has more
};

// Nothing where both are the same.
std::optional<Difference> FirstDifference(std::string_view expected, std::string_view built);

// "byte 4096 (0x1000), in /boot/initrd.img; 17 bytes differ"
std::string Describe(const Difference& difference);

}  // namespace lethe::reproduce
