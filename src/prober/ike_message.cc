#include "prober/ike_message.h"

#include <algorithm>

#include "probe/bytes.h"

namespace lethe::prober::ike {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr size_t kPayloadHeader = 4;

}  // namespace

std::string Header::Format(size_t payload_bytes) const {
  std::string out = spi_i + spi_r;
  for (const uint8_t byte : {next, version, exchange, flags}) AppendBigEndian(out, byte, 1);
  AppendBigEndian(out, id, 4);
  AppendBigEndian(out, kHeaderBytes + payload_bytes, 4);
  return out;
}

std::optional<Message> Message::Parse(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.size() > kMaxMessageBytes) return {};
  if (BigEndian(bytes, 24, 4) != bytes.size()) return {};
  Header header{.spi_i = std::string(bytes.substr(0, kSpiBytes)),
                .spi_r = std::string(bytes.substr(kSpiBytes, kSpiBytes)),
                .next = static_cast<uint8_t>(bytes[16]),
                .version = static_cast<uint8_t>(bytes[17]),
                .exchange = static_cast<uint8_t>(bytes[18]),
                .flags = static_cast<uint8_t>(bytes[19]),
                .id = static_cast<uint32_t>(BigEndian(bytes, 20, 4))};
  return Message{std::move(header), bytes.substr(kHeaderBytes)};
}

std::optional<Payloads> ParsePadded(uint8_t first, std::string_view bytes, size_t& chain) {
  Payloads out;
  chain = 0;
  for (uint8_t next = first; next != 0;) {
    if (bytes.size() < kPayloadHeader || out.size() == kMaxPayloads) return {};
    const uint64_t size = BigEndian(bytes, 2, 2);
    if (size < kPayloadHeader || size > bytes.size()) return {};
    out.push_back({next, std::string(bytes.substr(kPayloadHeader, size - kPayloadHeader))});
    next = static_cast<uint8_t>(bytes[0]);
    bytes.remove_prefix(size);
    chain += size;
  }
  return out;
}

std::optional<Payloads> ParsePayloads(uint8_t first, std::string_view bytes) {
  size_t chain = 0;
  auto out = ParsePadded(first, bytes, chain);
  if (chain != bytes.size()) return {};
  return out;
}

std::string FormatPayload(uint8_t next, std::string_view body) {
  std::string out;
  AppendBigEndian(out, next, 1);
  AppendBigEndian(out, 0, 1);
  AppendBigEndian(out, body.size() + kPayloadHeader, 2);
  return out.append(body);
}

std::string FormatPayloads(const Payloads& payloads) {
  std::string out;
  for (size_t i = 0; i < payloads.size(); ++i) {
    const uint8_t next = i + 1 < payloads.size() ? payloads[i + 1].type : uint8_t{0};
    out += FormatPayload(next, payloads[i].body);
  }
  return out;
}

const Payload* Find(const Payloads& payloads, uint8_t type) {
  const auto found = std::find_if(payloads.begin(), payloads.end(),
                                  [type](const Payload& one) { return one.type == type; });
  return found == payloads.end() ? nullptr : &*found;
}

}  // namespace lethe::prober::ike
