// What has to change so that one list of peers becomes another. Pure.
#pragma once

#include <functional>
#include <vector>

#include "wireguard/peer_list.h"

namespace lethe::wireguard {

// Steps for the kernel, in this order. Peers that are not named keep all that they have.
struct Change {
  // Every peer that the kernel holds goes first: at once, where one by one would take much longer.
  bool flush = false;
  std::vector<Key> remove;
  std::vector<Key> set;     // added, or given other settings; a session stays
  std::vector<Key> forget;  // removed and added again: all that was observed of it is gone

  bool empty() const { return !flush && remove.empty() && set.empty() && forget.empty(); }
};

Change Difference(const PeerList& from, const PeerList& to);

// Replaces many removals by one flush, where no peer that stays has a session and it is less work:
// the kernel waits for all its processors at each single removal, and computes a key agreement for
// each peer that it adds.
void PreferFlush(Change& change, const PeerList& from, const PeerList& to,
                 const std::function<bool(const Key&)>& has_session);

}  // namespace lethe::wireguard
