// Makes the interface, or takes over the one that an earlier run left. Needs CAP_NET_ADMIN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "wireguard/prefix.h"

namespace lethe::wireguard {

struct InterfaceConfig {
  std::string name;
  std::vector<InterfaceAddress> addresses;
  uint32_t mtu = 1420;
};

struct Interface {
  uint32_t index = 0;
  bool adopted = false;  // it was there
};

// Without addresses, and down where it is new. kConflict: one of that name is no WireGuard
// interface; kUnavailable: the kernel has no WireGuard.
Result<Interface> MakeInterface(const std::string& name);
// Exactly these addresses; then up. Their networks are routed to it by the kernel.
Status RaiseInterface(const Interface& interface, const InterfaceConfig& config);
// Done where it is gone already.
Status RemoveInterface(const Interface& interface);

}  // namespace lethe::wireguard
