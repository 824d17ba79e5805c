// The peers of a server, as a value: sorted by public key, each key once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "wireguard/keys.h"
#include "wireguard/prefix.h"

namespace lethe::wireguard {

struct Peer {
  Key public_key{};
  Key preshared_key{};  // zero: none
  uint32_t line = 0;    // of the file that it came from; 0: none
  uint32_t first = 0;   // its allowed addresses in PeerList::allowed
  uint32_t count = 0;
};

struct PeerList {
  std::vector<Peer> peers;
  std::vector<Prefix> allowed;  // a peer's are sorted

  std::span<const Prefix> AllowedOf(const Peer& peer) const {
    return std::span(allowed).subspan(peer.first, peer.count);
  }
  // Null where no peer has this key.
  const Peer* Find(const Key& key) const;
  // With the addresses that `from` holds for it. Precondition: the list stays sorted.
  void Append(const PeerList& from, const Peer& peer);
};

// The same key, preshared key and allowed addresses.
bool SameSettings(const PeerList& a, const Peer& in_a, const PeerList& b, const Peer& in_b);

// `base` with the peers of `more`, whose settings count where both have one.
PeerList Merged(const PeerList& base, const PeerList& more);
// `base` without `keys`, which are sorted.
PeerList Without(const PeerList& base, std::span<const Key> keys);

// The first line of the file (Peer::line) that allows an address which another peer has, or which
// it names twice itself; 0 where no two overlap.
uint32_t FindOverlap(const PeerList& list);

}  // namespace lethe::wireguard
