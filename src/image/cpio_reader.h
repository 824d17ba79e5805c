// Reads cpio archives in the "newc" format without copying. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::image {

struct CpioEntry {
  std::string_view name;  // as stored
  unsigned mode = 0;      // with the type bits of st_mode
  std::string_view bytes;
};

// Entries up to the trailer. kMalformed with the byte offset.
Result<std::vector<CpioEntry>> ReadCpio(std::string_view archive);

}  // namespace lethe::image
