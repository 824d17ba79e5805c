// The few parts of DER (ITU-T X.690) that an Authenticode signature needs. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::crypto {

inline constexpr uint8_t kDerInteger = 0x02;
inline constexpr uint8_t kDerBitString = 0x03;
inline constexpr uint8_t kDerOctetString = 0x04;
inline constexpr uint8_t kDerNull = 0x05;
inline constexpr uint8_t kDerOid = 0x06;
inline constexpr uint8_t kDerSequence = 0x30;
inline constexpr uint8_t kDerSet = 0x31;
inline constexpr uint8_t kDerContext0 = 0xa0;  // constructed; context n is kDerContext0 + n

// One element: tag, length, and its parts one after another.
std::string Der(uint8_t tag, std::initializer_list<std::string_view> parts);

struct DerElement {
  uint8_t tag = 0;
  std::string_view content;
  std::string_view whole;  // with tag and length
};

// Reads elements in their order. Every length must be definite and in its shortest form.
class DerReader {
 public:
  explicit DerReader(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  // kMalformed where there is none, or it is longer than what is left, or has a tag of many bytes.
  Result<DerElement> Next();
  // kMalformed where the next element has another tag.
  Result<DerElement> Expect(uint8_t tag);

 private:
  std::string_view rest_;
};

}  // namespace lethe::crypto
