#include "client/flow.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "base/strings.h"

namespace lethe::client {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr unsigned kRouterSolicit = 133, kRedirect = 137;

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  unsigned At(size_t i) const {
    return i < bytes_.size() ? static_cast<unsigned char>(bytes_[i]) : 0;
  }
  unsigned Pair(size_t i) const { return At(i) << 8 | At(i + 1); }
  std::string Address(int family, size_t at) const {
    char text[INET6_ADDRSTRLEN] = {};
    const size_t size = family == AF_INET ? 4 : 16;
    if (bytes_.size() >= at + size) ::inet_ntop(family, bytes_.data() + at, text, sizeof text);
    return text;
  }

 private:
  std::string_view bytes_;
};

std::string End(const std::string& address, unsigned port) {
  return BracketIpv6(address) + ":" + std::to_string(port);
}

}  // namespace

Flow FlowOf(uint16_t type, std::string_view packet) {
  Flow out{.type = type};
  const bool v4 = type == ETH_P_IP;
  if (!v4 && type != ETH_P_IPV6) return out;
  const Bytes bytes(packet);
  const size_t header = v4 ? (bytes.At(0) & 15) * 4 : kIpv6Header;
  out.protocol = bytes.At(v4 ? 9 : 6);
  out.from = bytes.Address(v4 ? AF_INET : AF_INET6, v4 ? 12 : 8);
  out.to = bytes.Address(v4 ? AF_INET : AF_INET6, v4 ? 16 : 24);
  const bool first_piece = !v4 || (bytes.Pair(6) & 0x1fff) == 0;
  if (!first_piece) return out;
  if (out.protocol == IPPROTO_UDP || out.protocol == IPPROTO_TCP) {
    out.from_port = bytes.Pair(header);
    out.to_port = bytes.Pair(header + 2);
  } else if (out.protocol == IPPROTO_ICMP || out.protocol == IPPROTO_ICMPV6) {
    out.from_port = bytes.At(header);
  }
  return out;
}

bool IsEthernetsOwn(const Flow& flow) {
  if (flow.type == ETH_P_ARP) return true;
  if (flow.type != ETH_P_IPV6) return false;
  // Reports of groups come behind an option header.
  if (flow.protocol == IPPROTO_HOPOPTS) return flow.to.starts_with("ff02:");
  return flow.protocol == IPPROTO_ICMPV6 && flow.from_port >= kRouterSolicit &&
         flow.from_port < kRedirect;
}

bool IsPathError(const Flow& flow) {
  if (flow.protocol == IPPROTO_ICMP)
    return flow.from_port == ICMP_DEST_UNREACH || flow.from_port == ICMP_TIME_EXCEEDED;
  return flow.protocol == IPPROTO_ICMPV6 && flow.from_port >= ICMP6_DST_UNREACH &&
         flow.from_port <= ICMP6_TIME_EXCEEDED;
}

std::string ToString(const Flow& flow) {
  if (flow.from.empty()) return "type " + std::to_string(flow.type);
  const bool ported = flow.protocol == IPPROTO_UDP || flow.protocol == IPPROTO_TCP;
  if (!ported)
    return "protocol " + std::to_string(flow.protocol) + " " + flow.from + " > " + flow.to;
  return (flow.protocol == IPPROTO_UDP ? "udp " : "tcp ") + End(flow.from, flow.from_port) + " > " +
         End(flow.to, flow.to_port);
}

}  // namespace lethe::client
