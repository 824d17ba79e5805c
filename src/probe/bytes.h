// Bytes of packets.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace lethe::probe {

template <size_t N>
std::string Text(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

inline void AppendBigEndian(std::string& out, uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
}

// Precondition: the text has that many bytes.
inline uint64_t BigEndian(std::string_view text, size_t at, int bytes) {
  uint64_t out = 0;
  for (int i = 0; i < bytes; ++i)
    out = out << 8 | static_cast<uint8_t>(text[at + static_cast<size_t>(i)]);
  return out;
}

}  // namespace lethe::probe
