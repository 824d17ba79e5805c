#include "wireguard/change.h"

#include <algorithm>

namespace lethe::wireguard {

Change Difference(const PeerList& from, const PeerList& to) {
  Change out;
  auto old = from.peers.begin();
  for (const Peer& peer : to.peers) {
    for (; old != from.peers.end() && old->public_key < peer.public_key; ++old)
      out.remove.push_back(old->public_key);
    if (old == from.peers.end() || old->public_key != peer.public_key) {
      out.set.push_back(peer.public_key);
      continue;
    }
    if (!SameSettings(from, *old, to, peer)) out.set.push_back(peer.public_key);
    ++old;
  }
  for (; old != from.peers.end(); ++old) out.remove.push_back(old->public_key);
  return out;
}

void PreferFlush(Change& change, const PeerList& from, const PeerList& to,
                 const std::function<bool(const Key&)>& has_session) {
  const size_t staying = from.peers.size() - change.remove.size();
  if (change.remove.size() <= staying) return;
  const bool alive = std::any_of(to.peers.begin(), to.peers.end(), [&](const Peer& peer) {
    return from.Find(peer.public_key) != nullptr && has_session(peer.public_key);
  });
  if (alive) return;
  change = Change{.flush = true};
  for (const Peer& peer : to.peers) change.set.push_back(peer.public_key);
}

}  // namespace lethe::wireguard
