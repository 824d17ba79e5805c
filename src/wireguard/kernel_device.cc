#include "wireguard/kernel_device.h"

#include <linux/netlink.h>

#include "wireguard/keys.h"

namespace lethe::wireguard {

Result<KernelDevice> KernelDevice::Open(uint32_t index) {
  auto socket = LETHE_TRY(NetlinkSocket::Open(NETLINK_GENERIC));
  auto answer = socket.Ask(EncodeFamilyQuestion(), "asking for WireGuard");
  if (!answer) {
    if (answer.error().code == ErrorCode::kNotFound)
      return Error{ErrorCode::kUnavailable, "the kernel has no WireGuard"};
    return std::move(answer).error();
  }
  const uint16_t family = LETHE_TRY(DecodeFamily(*answer));
  return KernelDevice(std::move(socket), {family, index});
}

Status KernelDevice::SetIdentity(const Identity& identity) {
  std::string message = EncodeIdentity(target_, identity);
  const Status status = socket_.Do(message, "setting the private key and the port");
  Forget(message);
  return status;
}

Status KernelDevice::Apply(const Change& change, const PeerList& list) {
  return EncodeChange(target_, change, list, [this](std::string& message) {
    return socket_.Do(message, "changing the peers");
  });
}

Status KernelDevice::ForEachPeer(const std::function<Status(const PeerReport&)>& each) {
  return socket_.Dump(EncodeDump(target_), "reading the peers",
                      [&](std::string_view payload) { return DecodePeers(payload, each); });
}

}  // namespace lethe::wireguard
