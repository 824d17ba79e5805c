// The peers of one server: what was given, what the kernel holds, and what it must forget.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "wireguard/device.h"
#include "wireguard/peer_file.h"
#include "wireguard/reaper.h"

namespace lethe::wireguard {

enum class PeerAction { kAdd, kRemove, kReplaceAll };

class PeerStore {
 public:
  // `device` must outlive it. `probe`: a peer without addresses, never counted, always there.
  PeerStore(Device& device, PeerRules rules, const Key& probe, Reaper reaper);

  // Takes over what the kernel holds, but for peers that the rules refuse or that have no address:
  // those are removed. Adds the probe.
  Status Adopt();

  // Returns the number of peers after the change. kMalformed: the file (nothing changed);
  // kConflict: a line allows an address that another peer has, or it drains (nothing changed). Else
  // the kernel refused: the message says whether the old peers are back, or how many there are now.
  Result<size_t> Change(PeerAction action, std::string_view file);

  // Forgets what is due, and counts.
  Status Sweep(Clocks now);
  // Removes every peer without a session, and goes on with that at each sweep.
  Status StartDrain(Clocks now);
  // They come back.
  Status EndDrain();

  bool draining() const { return draining_; }
  // Peers with a session, at the last sweep.
  uint32_t live() const { return live_; }
  // How many were given.
  size_t size() const { return held_.peers.size() - 1; }
  // The interface is gone, or the kernel does not even say what it holds: start again.
  bool lost() const { return lost_; }

  // Replaces the key that no peer may have: the server's own was changed.
  void SetOwnKey(const Key& key) { rules_.own_key = key; }

 private:
  Result<PeerList> Wanted(PeerAction action, std::string_view file) const;
  Result<PeerList> Held();
  Status Apply(const wireguard::Change& change, const PeerList& list);
  Status ApplyOrRestore(const wireguard::Change& change, PeerList wanted);
  PeerList WithProbe(PeerList list) const;

  Device& device_;
  PeerRules rules_;
  Key probe_;
  Reaper reaper_;
  PeerList held_;  // with the probe
  bool draining_ = false;
  bool lost_ = false;
  uint32_t live_ = 0;
};

}  // namespace lethe::wireguard
