// Messages of VICI, the protocol by which charon is managed (strongSwan's
// src/libcharon/plugins/vici/README.md, "Protocol"). Bytes only: no socket here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe::vici {

// Longer ones are malformed.
inline constexpr size_t kMaxMessage = 64 << 10;
inline constexpr size_t kLengthBytes = 4;

using Arguments = std::vector<std::pair<std::string, std::string>>;

// A named command with its length in front. Precondition: names have at most 255 bytes, values
// at most 65535.
std::string WriteRequest(std::string_view command, const Arguments& arguments = {});

// Of the bytes in front of a message. kMalformed: more than kMaxMessage, or none.
Result<size_t> ReadLength(std::string_view bytes);

// The values of an answer, without its length in front, by their names; sections are joined by dots
// ("ikesas.total"). Of a list its number of items is told. kUnavailable where charon does not know
// the command.
Result<std::map<std::string, std::string>> ReadResponse(std::string_view message);

}  // namespace lethe::vici
