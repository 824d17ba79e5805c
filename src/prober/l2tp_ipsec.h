// L2TP over IPsec: IKEv1 with a preshared key, ESP in transport mode over UDP, L2TP, PPP, one
// request through it, and all of it taken down again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "prober/ike_suite.h"
#include "prober/inner.h"

namespace lethe::prober {

struct L2tpCredentials {
  std::string psk, user, password;
  std::vector<ike::Suite> ike, esp;  // what is offered, best first; at least one each, AES-CBC
  uint16_t nat_port = 4500;
};

// What goes out inside IPsec in place of a message of L2TP that is sent for the first time. For
// tests of servers: a prober that is to find out whether they are well changes nothing.
using Tamper = std::function<std::vector<std::string>(std::string_view message)>;

// `server` is its address outside. Precondition: the address of the round trip is IPv4.
std::unique_ptr<Attempt> L2tpAttempt(const L2tpCredentials& credentials, const IpAddress& server,
                                     uint16_t port, const RoundTrip& round_trip, World world,
                                     Tamper tamper = nullptr);

}  // namespace lethe::prober
