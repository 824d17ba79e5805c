// A WireGuard interface as the peer store sees it. Two kinds: the kernel's, and one in memory, in
// tests, that fails where it is told to.
#pragma once

#include <functional>

#include "base/result.h"
#include "wireguard/change.h"
#include "wireguard/device_message.h"

namespace lethe::wireguard {

class Device {
 public:
  virtual ~Device() = default;
  // After a failure some steps may have been taken. kNotFound: the interface is gone.
  virtual Status Apply(const Change& change, const PeerList& list) = 0;
  // Every peer that it holds, as in DecodePeers; `each` must not change the device.
  virtual Status ForEachPeer(const std::function<Status(const PeerReport&)>& each) = 0;
};

}  // namespace lethe::wireguard
