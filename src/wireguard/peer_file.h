// The file of peers (docs/formats/control.md, "Peers"), read whole and strictly: every error names
// its line, and never what stands there.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wireguard/peer_list.h"

namespace lethe::wireguard {

inline constexpr size_t kMaxPeers = 1'000'000;
inline constexpr size_t kMaxPeerLine = 512;
inline constexpr size_t kMaxPeerFileBytes = kMaxPeers * (kMaxPeerLine + 1);

// What a peer may be.
struct PeerRules {
  std::vector<Prefix> networks;  // every allowed address lies in one of them
  std::vector<Prefix> reserved;  // none contains one of these: the server's own addresses
  std::optional<Key> own_key;    // the server's: no peer has it
};

// Nothing where `prefix` may be a peer's, else why not.
std::optional<std::string_view> Refusal(const Prefix& prefix, const PeerRules& rules);

// kMalformed "line N: …": the first bad line; then the first key that comes twice; then the first
// allowed address that overlaps with another.
Result<PeerList> ParsePeers(std::string_view text, const PeerRules& rules);

// One public key per line. Sorted.
Result<std::vector<Key>> ParseKeys(std::string_view text);

}  // namespace lethe::wireguard
