// A network of IPv4 or IPv6 addresses: what a peer may send from.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::wireguard {

// Ordered so that of two networks that overlap no disjoint one lies between them.
struct Prefix {
  bool v6 = false;
  std::array<uint8_t, 16> address{};  // network order; of IPv4 the first four bytes
  uint8_t length = 0;                 // in bits

  unsigned bits() const { return v6 ? 128 : 32; }
  auto operator<=>(const Prefix&) const = default;
};

// "10.9.0.2/32", "fd00:9::2/128": the length is always there. kMalformed, without the text, for
// anything else, and for bits behind the length that are not zero.
Result<Prefix> ParsePrefix(std::string_view text);

struct InterfaceAddress {
  Prefix host;     // the address alone
  Prefix network;  // that it lies in
  bool operator==(const InterfaceAddress&) const = default;
};
// "10.9.0.1/24". kMalformed as above, but the bits behind the length are those of the address.
Result<InterfaceAddress> ParseInterfaceAddress(std::string_view text);

// The network of `length` bits around an address. Precondition: length <= host.bits().
Prefix NetworkOf(Prefix host, unsigned length);

// Whether every address of `inner` is one of `outer`.
bool Contains(const Prefix& outer, const Prefix& inner);
bool Overlap(const Prefix& a, const Prefix& b);

}  // namespace lethe::wireguard
