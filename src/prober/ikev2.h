// IKEv2 with EAP-MSCHAPv2 or a certificate, one CHILD_SA in tunnel mode, one request through it in
// ESP over UDP, and the deletion of both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/identity.h"
#include "crypto/trust_anchors.h"
#include "prober/ike_suite.h"
#include "prober/inner.h"

namespace lethe::prober {

struct Ikev2Credentials {
  crypto::TrustAnchors anchors;
  std::string server_id;                     // of the server's certificate
  std::string id;                            // ours; empty: the certificate's subject, or the user
  std::optional<crypto::Identity> identity;  // either this
  std::string user, password;                // or EAP
  std::vector<ike::Suite> ike, esp;          // what is offered, best first; at least one each
  uint16_t nat_port = 4500;
};

// `server` is its address outside.
std::unique_ptr<Attempt> Ikev2Attempt(const Ikev2Credentials& credentials, const IpAddress& server,
                                      uint16_t port, const RoundTrip& round_trip, World world);

}  // namespace lethe::prober
