#include "wireguard/interface.h"

#include <linux/netlink.h>

#include <algorithm>

#include "wireguard/link_message.h"
#include "wireguard/netlink_socket.h"

namespace lethe::wireguard {
namespace {

Result<Link> FindLink(NetlinkSocket& socket, const std::string& name) {
  const std::string answer =
      LETHE_TRY(socket.Ask(EncodeLinkQuestion(name), "asking for interface " + name));
  return DecodeLink(answer);
}

bool IsAmong(const std::vector<InterfaceAddress>& addresses, const InterfaceAddress& wanted) {
  return std::find(addresses.begin(), addresses.end(), wanted) != addresses.end();
}

}  // namespace

Result<Interface> MakeInterface(const std::string& name) {
  auto socket = LETHE_TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::string message = EncodeNewLink(name);
  const Status made = socket.Do(message, "making interface " + name);
  if (!made && made.error().code != ErrorCode::kConflict) return made.error();
  const Link link = LETHE_TRY(FindLink(socket, name));
  if (link.kind != "wireguard") {
    return Error{ErrorCode::kConflict, "interface " + name + " is of another kind"};
  }
  return Interface{link.index, !made.has_value()};
}

Status RaiseInterface(const Interface& interface, const InterfaceConfig& config) {
  auto socket = LETHE_TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::vector<InterfaceAddress> present;
  LETHE_TRY(socket.Dump(EncodeAddressDump(), "reading addresses", [&](std::string_view payload) {
    const auto address = DecodeAddress(payload, interface.index);
    if (!address) return Status(address.error());
    if (*address) present.push_back(**address);
    return Status();
  }));
  for (const InterfaceAddress& address : present) {
    if (IsAmong(config.addresses, address)) continue;
    std::string message = EncodeAddress(interface.index, address, false);
    LETHE_TRY(socket.Do(message, "removing an address"));
  }
  // All of them: those beside a removed one may have gone with it.
  for (const InterfaceAddress& address : config.addresses) {
    std::string message = EncodeAddress(interface.index, address, true);
    LETHE_TRY(socket.Do(message, "adding an address"));
  }
  std::string message = EncodeLinkUp(interface.index, config.mtu);
  return socket.Do(message, "raising the interface");
}

Status RemoveInterface(const Interface& interface) {
  auto socket = LETHE_TRY(NetlinkSocket::Open(NETLINK_ROUTE));
  std::string message = EncodeDeleteLink(interface.index);
  Status status = socket.Do(message, "removing the interface");
  if (!status && status.error().code == ErrorCode::kNotFound) return {};
  return status;
}

}  // namespace lethe::wireguard
