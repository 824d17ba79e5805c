#include "wireguard/link_message.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "wireguard/netlink_message.h"

namespace lethe::wireguard {
namespace {

constexpr std::string_view kKind = "wireguard";

MessageWriter LinkMessage(uint16_t type, uint16_t flags, ifinfomsg header) {
  MessageWriter out(type, static_cast<uint16_t>(NLM_F_REQUEST | flags));
  out.Struct(header);
  return out;
}

ifinfomsg Indexed(uint32_t index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  return header;
}

std::string WithNul(std::string_view text) { return std::string(text) + '\0'; }

std::string UpToNul(std::string_view text) { return std::string(text.substr(0, text.find('\0'))); }

std::string_view AddressBytes(const Prefix& prefix) {
  return {reinterpret_cast<const char*>(prefix.address.data()), prefix.bits() / 8};
}

}  // namespace

std::string EncodeLinkQuestion(std::string_view name) {
  MessageWriter out = LinkMessage(RTM_GETLINK, 0, {});
  out.Attribute(IFLA_IFNAME, WithNul(name));
  return out.Take();
}

std::string EncodeNewLink(std::string_view name) {
  MessageWriter out = LinkMessage(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, {});
  out.Attribute(IFLA_IFNAME, WithNul(name));
  const size_t info = out.Begin(IFLA_LINKINFO);
  out.Attribute(IFLA_INFO_KIND, WithNul(kKind));
  out.End(info);
  return out.Take();
}

std::string EncodeLinkUp(uint32_t index, uint32_t mtu) {
  ifinfomsg header = Indexed(index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  MessageWriter out = LinkMessage(RTM_NEWLINK, NLM_F_ACK, header);
  out.Number<uint32_t>(IFLA_MTU, mtu);
  return out.Take();
}

std::string EncodeDeleteLink(uint32_t index) {
  return LinkMessage(RTM_DELLINK, NLM_F_ACK, Indexed(index)).Take();
}

Result<Link> DecodeLink(std::string_view payload) {
  const auto header = LETHE_TRY(ReadStruct<ifinfomsg>(payload));
  payload.remove_prefix(std::min(payload.size(), size_t{NLMSG_ALIGN(sizeof header)}));
  Link out{static_cast<uint32_t>(header.ifi_index), ""};
  while (!payload.empty()) {
    auto attribute = LETHE_TRY(TakeAttribute(payload));
    if (attribute.type != IFLA_LINKINFO) continue;
    while (!attribute.payload.empty()) {
      const auto info = LETHE_TRY(TakeAttribute(attribute.payload));
      if (info.type == IFLA_INFO_KIND) out.kind = UpToNul(info.payload);
    }
  }
  return out;
}

std::string EncodeAddressDump() {
  MessageWriter out(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  out.Struct(ifaddrmsg{});
  return out.Take();
}

std::string EncodeAddress(uint32_t index, const InterfaceAddress& address, bool add) {
  const auto flags =
      static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0));
  MessageWriter out(add ? RTM_NEWADDR : RTM_DELADDR, flags);
  ifaddrmsg header{};
  header.ifa_family = address.host.v6 ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = address.network.length;
  header.ifa_index = index;
  // A tunnel has no neighbour that could have the same address.
  if (address.host.v6 && add) header.ifa_flags = IFA_F_NODAD;
  out.Struct(header);
  out.Attribute(IFA_LOCAL, AddressBytes(address.host));
  out.Attribute(IFA_ADDRESS, AddressBytes(address.host));
  return out.Take();
}

Result<std::optional<InterfaceAddress>> DecodeAddress(std::string_view payload, uint32_t index) {
  const auto header = LETHE_TRY(ReadStruct<ifaddrmsg>(payload));
  payload.remove_prefix(sizeof header);
  if (header.ifa_index != index) return std::optional<InterfaceAddress>();
  Prefix host;
  host.v6 = header.ifa_family == AF_INET6;
  host.length = static_cast<uint8_t>(host.bits());
  bool found = false;
  while (!payload.empty()) {
    const auto attribute = LETHE_TRY(TakeAttribute(payload));
    // IPv4 has both, IPv6 only the second.
    if (attribute.type != IFA_LOCAL && (attribute.type != IFA_ADDRESS || found)) continue;
    if (attribute.payload.size() != host.bits() / 8)
      return Error{ErrorCode::kMalformed, "an address of the kernel is none"};
    std::memcpy(host.address.data(), attribute.payload.data(), attribute.payload.size());
    found = true;
  }
  if (!found || header.ifa_prefixlen > host.bits())
    return Error{ErrorCode::kMalformed, "an address of the kernel is none"};
  return std::optional(InterfaceAddress{host, NetworkOf(host, header.ifa_prefixlen)});
}

}  // namespace lethe::wireguard
