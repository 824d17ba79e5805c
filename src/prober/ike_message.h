// Messages of IKE: the header and the chain of payloads behind it, which versions 1 and 2 share
// (RFC 2408 3.1, RFC 7296 3.1). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lethe::prober::ike {

inline constexpr size_t kSpiBytes = 8;
inline constexpr size_t kHeaderBytes = 28;
inline constexpr size_t kMaxMessageBytes = 32 << 10;
inline constexpr size_t kMaxPayloads = 64;
// In front of IKE on port 4500 (RFC 3948 2.2).
inline constexpr std::string_view kNonEspMarker{"\0\0\0\0", 4};

struct Header {
  std::string spi_i, spi_r;
  uint8_t next = 0;  // type of the first payload
  uint8_t version = 0x20;
  uint8_t exchange = 0;
  uint8_t flags = 0;
  uint32_t id = 0;

  // With the length of header and payloads.
  std::string Format(size_t payload_bytes) const;
};

struct Message {
  Header header;
  std::string_view payloads;

  // Nothing where its length is not that of the bytes. The view is into `bytes`.
  static std::optional<Message> Parse(std::string_view bytes);
};

struct Payload {
  uint8_t type = 0;
  std::string body;
};
using Payloads = std::vector<Payload>;

// Nothing where a length does not fit, there are too many, or something is behind the last one.
std::optional<Payloads> ParsePayloads(uint8_t first, std::string_view bytes);
// The same where padding is behind the last one. `size` becomes that of the chain.
std::optional<Payloads> ParsePadded(uint8_t first, std::string_view bytes, size_t& size);

// The chain; its first type goes into a header.
std::string FormatPayloads(const Payloads& payloads);
inline uint8_t FirstType(const Payloads& payloads) {
  return payloads.empty() ? uint8_t{0} : payloads[0].type;
}
// One payload with its header of 4 bytes.
std::string FormatPayload(uint8_t next, std::string_view body);

// The first of that type, or null.
const Payload* Find(const Payloads& payloads, uint8_t type);

}  // namespace lethe::prober::ike
