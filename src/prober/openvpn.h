// OpenVPN over UDP or TCP: reset, TLS, keys and options, one request through the data channel,
// exit.
#pragma once

#include <optional>
#include <string>

#include "crypto/identity.h"
#include "crypto/trust_anchors.h"
#include "prober/inner.h"

namespace lethe::prober {

struct OpenVpnCredentials {
  bool tcp = false;
  crypto::TrustAnchors anchors;
  std::optional<crypto::Identity> identity;
  std::string server_name;     // of the server's certificate; empty: any
  std::string user, password;  // empty: none
};

std::unique_ptr<Attempt> OpenVpnAttempt(const OpenVpnCredentials& credentials, uint16_t port,
                                        const RoundTrip& round_trip, World world);

}  // namespace lethe::prober
