// CBOR (RFC 8949), as far as FIDO authenticators use it: definite lengths in their shortest form,
// read in order, with limits. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace lethe::trust {

inline constexpr int kMaxCborDepth = 4;
inline constexpr uint64_t kMaxCborItems = 64;  // of one array or map

// Every method is kMalformed, with the offset, for another type, a length that is indefinite, not
// in its shortest form, or longer than what is left.
class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : bytes_(bytes) {}

  Result<std::string_view> ByteString();
  Result<int64_t> Integer();
  Result<uint64_t> MapSize();  // number of pairs that follow
  bool AtInteger() const;
  // Passes over one item of any type but tags and floating point numbers.
  Status Skip() { return SkipItem(kMaxCborDepth); }
  // kMalformed where bytes are left.
  Status Finish() const;
  std::string_view rest() const { return bytes_.substr(at_); }

 private:
  struct Head {
    uint8_t type = 0;  // major
    uint64_t value = 0;
  };
  Result<Head> NextHead();
  Result<Head> Expect(uint8_t type, std::string_view what);
  Result<std::string_view> Take(uint64_t size);
  Status SkipItem(int depth);
  Error Bad(std::string_view what) const;

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace lethe::trust
