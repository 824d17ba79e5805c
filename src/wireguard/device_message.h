// Messages of the kernel's WireGuard family (linux/wireguard.h), as bytes. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wireguard/change.h"
#include "wireguard/peer_list.h"

namespace lethe::wireguard {

using Milliseconds = std::chrono::milliseconds;

struct Target {
  uint16_t family = 0;  // of the generic netlink family "wireguard"
  uint32_t index = 0;   // of the interface
};

std::string EncodeFamilyQuestion();
// The family's number of the answer. kMalformed.
Result<uint16_t> DecodeFamily(std::string_view payload);

struct Identity {
  const Key& private_key;
  uint16_t listen_port;
};
std::string EncodeIdentity(const Target& target, const Identity& identity);
std::string EncodeDump(const Target& target);

// Cuts a change into messages of at most some 60 KiB, each of which the kernel takes as one step: a
// peer that is forgotten is removed and added in the same one. `list` has the settings of those
// that are set or forgotten; one that it lacks is removed. `send` gets one message after the other
// and may take its bytes; its first failure ends it.
Status EncodeChange(const Target& target, const Change& change, const PeerList& list,
                    const std::function<Status(std::string&)>& send);

// A peer as the kernel tells it. Views are into the payload.
struct PeerReport {
  Key public_key{};
  std::optional<Key> preshared_key;  // nothing in a continuation; zero: none
  Milliseconds last_handshake{0};    // since 1970; 0: never
  bool observed = false;             // it has an endpoint, or counted a byte
  std::string_view allowed;          // for DecodeAllowed
};

// Calls `each` for every peer of one message of a dump. A peer with many allowed addresses goes on
// at the head of the next message, with its key and addresses alone. kMalformed.
Status DecodePeers(std::string_view payload, const std::function<Status(const PeerReport&)>& each);
Status DecodeAllowed(std::string_view bytes, std::vector<Prefix>& to);

}  // namespace lethe::wireguard
