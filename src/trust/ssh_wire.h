// The encoding of SSH (RFC 4251, section 5), as far as keys and signatures use it: bytes, u32 and
// strings, one after another. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::trust {

// Reads fields in their order; they point into the bytes. kMalformed, with the offset, where a
// field is longer than what is left.
class SshReader {
 public:
  explicit SshReader(std::string_view bytes) : bytes_(bytes) {}

  Result<uint8_t> Byte(std::string_view what);
  Result<uint32_t> U32(std::string_view what);
  Result<std::string_view> String(std::string_view what);
  Result<std::string_view> Raw(size_t size, std::string_view what);
  // kMalformed where bytes are left.
  Status Finish() const;

 private:
  Error TooShort(std::string_view what) const;
  std::string_view bytes_;
  size_t at_ = 0;
};

std::string SshU32(uint32_t value);
std::string SshString(std::string_view bytes);

// A positive mpint as 32 bytes, big-endian. kMalformed for a negative number, one that is not in
// its shortest form, or has more than 32 bytes.
Result<std::string> SshNumber32(std::string_view mpint);
// The other way: `bytes` big-endian, without sign.
std::string SshMpint(std::string_view bytes);

}  // namespace lethe::trust
