// The Range header of one request (RFC 9110 section 14).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lethe::http {

struct ByteRange {
  uint64_t offset = 0;
  uint64_t size = 0;

  bool operator==(const ByteRange&) const = default;
};

enum class RangeAnswer {
  kWhole,          // no range, several ranges, or not well-formed: the whole content is sent
  kPart,           // `part`
  kUnsatisfiable,  // 416
};

struct RangeResult {
  RangeAnswer answer = RangeAnswer::kWhole;
  ByteRange part;

  bool operator==(const RangeResult&) const = default;
};

// What `header` ("bytes=0-99", "bytes=100-", "bytes=-5") means for a content of `size` bytes.
RangeResult ParseRange(std::string_view header, uint64_t size);

}  // namespace lethe::http
