// A small PE image for the tests of everything that reads one.
#pragma once

#include <cstdint>
#include <string>

namespace lethe::image {

inline constexpr size_t kTestCoff = 68;
inline constexpr size_t kTestOptional = kTestCoff + 20;
inline constexpr size_t kTestTable = kTestOptional + 240;
inline constexpr size_t kTestHeaders = 1024;
inline constexpr uint32_t kTestSectionAlignment = 4096;

inline void PutNumber(std::string& bytes, size_t at, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

// Two sections of 100 and 8 bytes, room for 15 more; a time stamp that is not 0.
inline std::string MakeTestPe() {
  std::string pe(kTestHeaders + 2 * 512, '\0');
  pe.replace(0, 2, "MZ");
  PutNumber(pe, 60, 64, 4);
  pe.replace(64, 2, "PE");
  PutNumber(pe, kTestCoff, 0x8664, 2);
  PutNumber(pe, kTestCoff + 2, 2, 2);
  PutNumber(pe, kTestCoff + 4, 1776109085, 4);
  PutNumber(pe, kTestCoff + 16, 240, 2);
  PutNumber(pe, kTestCoff + 18, 0x22e, 2);
  PutNumber(pe, kTestOptional, 0x20b, 2);
  PutNumber(pe, kTestOptional + 16, 4096, 4);  // AddressOfEntryPoint
  PutNumber(pe, kTestOptional + 32, kTestSectionAlignment, 4);
  PutNumber(pe, kTestOptional + 36, 512, 4);
  PutNumber(pe, kTestOptional + 56, 3 * kTestSectionAlignment, 4);
  PutNumber(pe, kTestOptional + 60, kTestHeaders, 4);
  PutNumber(pe, kTestOptional + 68, 10, 2);  // EFI application
  PutNumber(pe, kTestOptional + 108, 16, 4);
  for (size_t i = 0; i < 2; ++i) {
    const size_t at = kTestTable + i * 40;
    pe.replace(at, 6, i == 0 ? std::string(".text\0", 6) : std::string(".reloc"));
    PutNumber(pe, at + 8, i == 0 ? 100 : 8, 4);
    PutNumber(pe, at + 12, (i + 1) * kTestSectionAlignment, 4);
    PutNumber(pe, at + 16, 512, 4);
    PutNumber(pe, at + 20, kTestHeaders + i * 512, 4);
    PutNumber(pe, at + 36, i == 0 ? 0x60000020 : 0x42000040, 4);
    for (size_t j = 0; j < (i == 0 ? 100U : 8U); ++j)
      pe[kTestHeaders + i * 512 + j] = static_cast<char>(j * 7 + i + 1);
  }
  return pe;
}

}  // namespace lethe::image
