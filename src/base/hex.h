// Lower-case hexadecimal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe {

std::string HexEncode(std::span<const uint8_t> bytes);
std::string HexEncode(std::string_view bytes);

// kMalformed for an odd length or anything outside 0-9a-f (upper case is refused: one spelling).
Result<std::vector<uint8_t>> HexDecode(std::string_view hex);

}  // namespace lethe
