// Bytes as tests write them.
#pragma once

#include <string>
#include <string_view>

#include "base/hex.h"

namespace lethe {

// Precondition: `hex` is well-formed.
inline std::string FromHex(std::string_view hex) {
  const auto bytes = HexDecode(hex).value();
  return {bytes.begin(), bytes.end()};
}

}  // namespace lethe
