// Who talks to whom, read from a packet's headers. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace lethe::client {

struct Flow {
  uint16_t type = 0;                    // EtherType
  unsigned protocol = 0;                // of IP, behind no option header
  std::string from, to;                 // addresses; empty where this is no IP
  unsigned from_port = 0, to_port = 0;  // of UDP and TCP; an ICMP type in `from_port`
  auto operator<=>(const Flow&) const = default;
};

// `packet` starts behind the Ethernet header. Fields that a short packet lacks are zero or empty.
Flow FlowOf(uint16_t type, std::string_view packet);

// ARP, router and neighbour discovery, reports of groups.
bool IsEthernetsOwn(const Flow& flow);

// What routers and hosts say of packets that they could not deliver (RFC 792, RFC 4443).
bool IsPathError(const Flow& flow);

// "udp 192.0.2.101:4500 > 198.51.100.50:4500".
std::string ToString(const Flow& flow);

}  // namespace lethe::client
