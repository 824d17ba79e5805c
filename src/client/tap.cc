#include "client/tap.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/file.h"

namespace lethe::client {

Result<Tap> Tap::Open(const std::string& interface) {
  // Datagrams: the kernel takes the Ethernet header off.
  Fd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return IoError("watching", interface);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (address.sll_ifindex == 0 || ::bind(socket.get(), generic, sizeof address) != 0)
    return IoError("watching", interface);
  return Tap(std::move(socket));
}

std::optional<Tap::Packet> Tap::Next(std::span<char> buffer,
                                     std::chrono::milliseconds timeout) const {
  pollfd waiting{socket_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) return {};
  sockaddr_ll from{};
  socklen_t size = sizeof from;
  const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
  if (got <= 0) return {};
  return Packet{ntohs(from.sll_protocol), {buffer.data(), static_cast<size_t>(got)}};
}

}  // namespace lethe::client
