// The kernel's WireGuard interface, by generic netlink. Needs CAP_NET_ADMIN.
#pragma once

#include "wireguard/device.h"
#include "wireguard/netlink_socket.h"

namespace lethe::wireguard {

class KernelDevice : public Device {
 public:
  // `index`: of the interface. kUnavailable: the kernel has no WireGuard.
  static Result<KernelDevice> Open(uint32_t index);

  // Setting what is set already changes nothing.
  Status SetIdentity(const Identity& identity);
  Status Apply(const Change& change, const PeerList& list) override;
  Status ForEachPeer(const std::function<Status(const PeerReport&)>& each) override;

 private:
  KernelDevice(NetlinkSocket socket, Target target) : socket_(std::move(socket)), target_(target) {}

  NetlinkSocket socket_;
  Target target_;
};

}  // namespace lethe::wireguard
