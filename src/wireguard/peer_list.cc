#include "wireguard/peer_list.h"

#include <algorithm>

namespace lethe::wireguard {

const Peer* PeerList::Find(const Key& key) const {
  const auto at = std::lower_bound(
      peers.begin(), peers.end(), key,
      [](const Peer& peer, const Key& wanted) { return peer.public_key < wanted; });
  return at == peers.end() || at->public_key != key ? nullptr : &*at;
}

void PeerList::Append(const PeerList& from, const Peer& peer) {
  Peer copy = peer;
  copy.first = static_cast<uint32_t>(allowed.size());
  const auto addresses = from.AllowedOf(peer);
  allowed.insert(allowed.end(), addresses.begin(), addresses.end());
  peers.push_back(copy);
}

bool SameSettings(const PeerList& a, const Peer& in_a, const PeerList& b, const Peer& in_b) {
  const auto allowed_a = a.AllowedOf(in_a);
  const auto allowed_b = b.AllowedOf(in_b);
  return in_a.public_key == in_b.public_key && in_a.preshared_key == in_b.preshared_key &&
         std::equal(allowed_a.begin(), allowed_a.end(), allowed_b.begin(), allowed_b.end());
}

PeerList Merged(const PeerList& base, const PeerList& more) {
  PeerList out;
  out.peers.reserve(base.peers.size() + more.peers.size());
  out.allowed.reserve(base.allowed.size() + more.allowed.size());
  auto old = base.peers.begin();
  for (const Peer& peer : more.peers) {
    for (; old != base.peers.end() && old->public_key < peer.public_key; ++old)
      out.Append(base, *old);
    if (old != base.peers.end() && old->public_key == peer.public_key) ++old;
    out.Append(more, peer);
  }
  for (; old != base.peers.end(); ++old) out.Append(base, *old);
  return out;
}

PeerList Without(const PeerList& base, std::span<const Key> keys) {
  PeerList out;
  out.peers.reserve(base.peers.size());
  out.allowed.reserve(base.allowed.size());
  auto gone = keys.begin();
  for (const Peer& peer : base.peers) {
    while (gone != keys.end() && *gone < peer.public_key) ++gone;
    if (gone != keys.end() && *gone == peer.public_key) continue;
    out.Append(base, peer);
  }
  return out;
}

uint32_t FindOverlap(const PeerList& list) {
  struct Owned {
    Prefix prefix;
    uint32_t line;
    bool operator<(const Owned& other) const { return prefix < other.prefix; }
  };
  std::vector<Owned> all;
  all.reserve(list.allowed.size());
  for (const Peer& peer : list.peers) {
    for (const Prefix& prefix : list.AllowedOf(peer)) all.push_back({prefix, peer.line});
  }
  std::sort(all.begin(), all.end());
  uint32_t first = 0;
  // The networks around the one that is looked at; each with the first line of itself and those
  // around it.
  std::vector<Owned> around;
  for (const Owned& next : all) {
    while (!around.empty() && !Contains(around.back().prefix, next.prefix)) around.pop_back();
    const uint32_t outer = around.empty() ? next.line : around.back().line;
    if (!around.empty()) {
      const uint32_t line = std::max(outer, next.line);
      first = first == 0 ? line : std::min(first, line);
    }
    around.push_back({next.prefix, std::min(outer, next.line)});
  }
  return first;
}

}  // namespace lethe::wireguard
