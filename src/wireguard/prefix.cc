#include "wireguard/prefix.h"

#include <arpa/inet.h>

#include "base/strings.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kMaxText = 64;

Error Bad(std::string_view why) { return Error{ErrorCode::kMalformed, std::string(why)}; }

}  // namespace

Prefix NetworkOf(Prefix host, unsigned length) {
  for (unsigned bit = length; bit < 8 * host.address.size(); ++bit) {
    const auto mask = static_cast<uint8_t>(0x80U >> (bit % 8));
    host.address[bit / 8] = static_cast<uint8_t>(host.address[bit / 8] & ~mask);
  }
  host.length = static_cast<uint8_t>(length);
  return host;
}

Result<InterfaceAddress> ParseInterfaceAddress(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || text.size() > kMaxText)
    return Bad("an address is not written as address/length");
  const std::string address(text.substr(0, slash));
  Prefix host;
  host.v6 = address.find(':') != std::string::npos;
  if (::inet_pton(host.v6 ? AF_INET6 : AF_INET, address.c_str(), host.address.data()) != 1)
    return Bad("an address is none");
  const std::string_view digits = text.substr(slash + 1);
  const auto length = ParseUnsigned<unsigned>(digits);
  if (!length || *length > host.bits() || (digits.size() > 1 && digits[0] == '0'))
    return Bad("the length of an address is none");
  host.length = static_cast<uint8_t>(host.bits());
  return InterfaceAddress{host, NetworkOf(host, *length)};
}

Result<Prefix> ParsePrefix(std::string_view text) {
  const auto parsed = LETHE_TRY(ParseInterfaceAddress(text));
  if (parsed.network.address != parsed.host.address)
    return Bad("an address has bits behind its length");
  return parsed.network;
}

bool Contains(const Prefix& outer, const Prefix& inner) {
  if (outer.v6 != inner.v6 || outer.length > inner.length) return false;
  const size_t whole = outer.length / 8U;
  for (size_t i = 0; i < whole; ++i) {
    if (outer.address[i] != inner.address[i]) return false;
  }
  const unsigned rest = outer.length % 8U;
  return rest == 0 || (outer.address[whole] ^ inner.address[whole]) >> (8 - rest) == 0;
}

bool Overlap(const Prefix& a, const Prefix& b) { return Contains(a, b) || Contains(b, a); }

}  // namespace lethe::wireguard
