// Is a VPN server alive: the first packet of each protocol, and whether an answer is one to it.
// Pure: random bytes and the time come in. What comes back is a stranger's: it is judged, never
// trusted.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/x25519.h"

namespace lethe::probe {

inline constexpr size_t kRandomBytes = 128;
using Random = std::array<uint8_t, kRandomBytes>;

struct Exchange {
  std::string request;
  // One datagram; of a stream, all that came so far.
  std::function<bool(std::string_view answer)> is_answer;
  bool stream = false;  // TCP; else UDP
};

// P_CONTROL_HARD_RESET_CLIENT_V2 (OpenVPN wire protocol, section 3), answered by the server's hard
// reset that acknowledges our packet. Over TCP with its length in front.
Exchange OpenVpnUdp(const Random& random);
Exchange OpenVpnTcp(const Random& random);

// A query for the root's name servers (RFC 1035); any answer to it but FORMERR, NOTIMP and a
// refusal.
Exchange Dns(const Random& random);

// IKE_SA_INIT (RFC 7296 1.2) with proposals of today. A response counts that agrees, or that asks
// for a cookie or another group, or takes no proposal.
Exchange Ikev2(const Random& random);

struct WireGuardKeys {
  crypto::X25519Key secret;  // of a peer that the server knows
  crypto::X25519Key server_public;
};
// A handshake initiation (WireGuard paper, 5.4.2), answered by a response that only the server's
// key can make (5.4.3), or, under load, by a cookie reply to it (5.4.7). `now_unix_s` and `_ns`: a
// server takes rising times only. Nothing where the server's key is of low order.
std::optional<Exchange> WireGuard(const WireGuardKeys& keys, const Random& random,
                                  uint64_t now_unix_s, uint32_t now_ns);

}  // namespace lethe::probe
