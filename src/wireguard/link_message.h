// Messages of rtnetlink(7) about an interface and its addresses, as bytes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wireguard/prefix.h"

namespace lethe::wireguard {

std::string EncodeLinkQuestion(std::string_view name);
// Fails with EEXIST where one of that name is there.
std::string EncodeNewLink(std::string_view name);
std::string EncodeLinkUp(uint32_t index, uint32_t mtu);
std::string EncodeDeleteLink(uint32_t index);

struct Link {
  uint32_t index = 0;
  std::string kind;  // "wireguard"; empty for real devices
};
// kMalformed.
Result<Link> DecodeLink(std::string_view payload);

std::string EncodeAddressDump();
// Removes it where `add` is false.
std::string EncodeAddress(uint32_t index, const InterfaceAddress& address, bool add);
// One address of a dump: nothing where it is of another interface. kMalformed.
Result<std::optional<InterfaceAddress>> DecodeAddress(std::string_view payload, uint32_t index);

}  // namespace lethe::wireguard
