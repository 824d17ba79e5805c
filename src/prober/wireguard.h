// WireGuard: a handshake and one packet through the tunnel. There is no goodbye in it: the server
// forgets the session after 180 seconds by itself.
#pragma once

#include <array>

#include "crypto/x25519.h"
#include "prober/inner.h"

namespace lethe::prober {

struct WireGuardCredentials {
  crypto::X25519Key private_key{};
  crypto::X25519Key server_public_key{};
  std::array<uint8_t, 32> preshared_key{};  // zeros: none
  IpAddress address;                        // of this peer, inside
};

// Precondition: the server's key is not of low order; the peer's address and that of the round trip
// are of one family.
std::unique_ptr<Attempt> WireGuardAttempt(const WireGuardCredentials& credentials, uint16_t port,
                                          const RoundTrip& round_trip, World world);

}  // namespace lethe::prober
