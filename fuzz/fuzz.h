// What every fuzz target defines: one call per input. It returns 0; a finding is a crash, a failed
// assertion, a report of a sanitizer, or a call that does not end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace lethe::fuzz {

inline std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace lethe::fuzz
