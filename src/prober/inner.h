// The packet that goes through a tunnel and back: an ICMP echo or a DNS query, in IPv4 or IPv6.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "prober/attempt.h"

namespace lethe::prober {

// 4 or 16 bytes, in network order.
struct IpAddress {
  std::string bytes;

  // Text as inet_pton(3) reads it.
  static std::optional<IpAddress> Parse(const std::string& text);
  bool v4() const { return bytes.size() == 4; }
  bool operator==(const IpAddress&) const = default;
};

struct RoundTrip {
  enum class Kind { kPing, kDns };
  Kind kind = Kind::kDns;
  IpAddress address;  // inside the tunnel
};

// One request. Both addresses are of one family.
class InnerRequest {
 public:
  InnerRequest(RoundTrip round_trip, IpAddress source, const World& world);
  const std::string& packet() const { return packet_; }
  // Whether an IP packet, which may have padding behind it, answers this request.
  bool IsAnswer(std::string_view packet) const;

 private:
  RoundTrip round_trip_;
  IpAddress source_;
  std::string payload_;  // ICMP or UDP with its header
  std::string packet_;
};

// The packet's own length, by its header; nothing where it is longer than what is there.
std::optional<size_t> IpPacketSize(std::string_view packet);

}  // namespace lethe::prober
