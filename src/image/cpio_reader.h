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

// Entries of all archives that stand one after another, with only zeros between them and at the
// end: what the kernel unpacks of an initrd. A name of a later entry may be that of an earlier one;
// the kernel's file is then the later. kMalformed with the byte offset.
Result<std::vector<CpioEntry>> ReadCpio(std::string_view archive);

}  // namespace lethe::image
