#include "wireguard/peer_store.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace lethe::wireguard {
namespace {

void ForgetLines(PeerList& list) {
  for (Peer& peer : list.peers) peer.line = 0;
}

// By key; the parts of a peer that came in several messages become one.
PeerList Sorted(PeerList list) {
  std::sort(list.peers.begin(), list.peers.end(),
            [](const Peer& a, const Peer& b) { return a.public_key < b.public_key; });
  for (const Peer& peer : list.peers)
    std::sort(list.allowed.begin() + peer.first, list.allowed.begin() + peer.first + peer.count);
  return list;
}

}  // namespace

PeerStore::PeerStore(Device& device, PeerRules rules, const Key& probe, Reaper reaper)
    : device_(device), rules_(std::move(rules)), probe_(probe), reaper_(std::move(reaper)) {
  held_ = WithProbe({});
}

PeerList PeerStore::WithProbe(PeerList list) const {
  PeerList probe;
  probe.peers.push_back(Peer{.public_key = probe_});
  return Merged(list, probe);
}

Result<PeerList> PeerStore::Held() {
  PeerList list;
  const Status status = device_.ForEachPeer([&](const PeerReport& peer) -> Status {
    if (list.peers.empty() || list.peers.back().public_key != peer.public_key) {
      Peer next{.public_key = peer.public_key, .first = static_cast<uint32_t>(list.allowed.size())};
      if (peer.preshared_key) next.preshared_key = *peer.preshared_key;
      list.peers.push_back(next);
    }
    LETHE_TRY(DecodeAllowed(peer.allowed, list.allowed));
    Peer& last = list.peers.back();
    last.count = static_cast<uint32_t>(list.allowed.size()) - last.first;
    return {};
  });
  if (!status) {
    lost_ = true;
    return status.error();
  }
  return Sorted(std::move(list));
}

Status PeerStore::Apply(const wireguard::Change& change, const PeerList& list) {
  Status status = device_.Apply(change, list);
  if (!status && status.error().code == ErrorCode::kNotFound) lost_ = true;
  return status;
}

Status PeerStore::Adopt() {
  const PeerList found = LETHE_TRY(Held());
  PeerList kept;
  for (const Peer& peer : found.peers) {
    const auto allowed = found.AllowedOf(peer);
    const bool fits = std::none_of(allowed.begin(), allowed.end(), [&](const Prefix& prefix) {
      return Refusal(prefix, rules_).has_value();
    });
    if (fits && !allowed.empty()) kept.Append(found, peer);
  }
  PeerList wanted = WithProbe(std::move(kept));
  LETHE_TRY(Apply(Difference(found, wanted), wanted));
  held_ = std::move(wanted);
  return {};
}

Result<PeerList> PeerStore::Wanted(PeerAction action, std::string_view file) const {
  if (action == PeerAction::kRemove) {
    std::vector<Key> keys = LETHE_TRY(ParseKeys(file));
    std::erase(keys, probe_);
    return Without(held_, keys);
  }
  PeerList given = LETHE_TRY(ParsePeers(file, rules_));
  if (action == PeerAction::kReplaceAll) return WithProbe(std::move(given));
  PeerList wanted = WithProbe(Merged(held_, given));
  if (wanted.peers.size() > kMaxPeers + 1)
    return Error{ErrorCode::kConflict, "more than " + std::to_string(kMaxPeers) + " peers"};
  if (const uint32_t line = FindOverlap(wanted); line != 0) {
    return Error{ErrorCode::kConflict, "line " + std::to_string(line) +
                                           ": an allowed address overlaps with another peer's"};
  }
  return wanted;
}

Result<size_t> PeerStore::Change(PeerAction action, std::string_view file) {
  if (draining_ && action != PeerAction::kRemove)
    return Error{ErrorCode::kConflict, "it drains: no peer is added"};
  PeerList wanted = LETHE_TRY(Wanted(action, file));
  ForgetLines(wanted);
  wireguard::Change change = Difference(held_, wanted);
  if (change.empty()) return size();
  if (change.remove.size() > held_.peers.size() / 2) {
    std::unordered_set<Key, KeyHash> sessions;
    LETHE_TRY(device_.ForEachPeer([&](const PeerReport& peer) -> Status {
      if (peer.last_handshake.count() != 0) sessions.insert(peer.public_key);
      return {};
    }));
    PreferFlush(change, held_, wanted, [&](const Key& key) { return sessions.contains(key); });
  }
  LETHE_TRY(ApplyOrRestore(change, std::move(wanted)));
  return size();
}

Status PeerStore::ApplyOrRestore(const wireguard::Change& change, PeerList wanted) {
  const Status applied = Apply(change, wanted);
  if (applied) {
    held_ = std::move(wanted);
    return {};
  }
  const PeerList between = LETHE_TRY(Held());
  if (Apply(Difference(between, held_), held_)) return applied.error().In("the old peers are back");
  PeerList left = LETHE_TRY(Held());
  held_ = WithProbe(std::move(left));
  return applied.error().In("there are " + std::to_string(size()) + " peers now");
}

Status PeerStore::Sweep(Clocks now) {
  wireguard::Change change;
  uint32_t live = 0;
  std::optional<Key> last;  // the rest of a peer of the message before says nothing
  reaper_.Begin(now);
  const Status status = device_.ForEachPeer([&](const PeerReport& peer) -> Status {
    if (last == peer.public_key) return {};
    last = peer.public_key;
    const bool probe = peer.public_key == probe_;
    const Verdict verdict = reaper_.Judge(peer);
    if (verdict == Verdict::kAlive && !probe) ++live;
    if (verdict == Verdict::kForget) {
      (draining_ && !probe ? change.remove : change.forget).push_back(peer.public_key);
    } else if (verdict != Verdict::kAlive && draining_ && !probe) {
      change.remove.push_back(peer.public_key);
    }
    return {};
  });
  reaper_.End();
  if (!status) {
    lost_ = true;
    return status;
  }
  live_ = live;
  if (change.empty()) return {};
  return Apply(change, held_);
}

Status PeerStore::StartDrain(Clocks now) {
  draining_ = true;
  return Sweep(now);
}

Status PeerStore::EndDrain() {
  if (!draining_) return {};
  draining_ = false;
  const PeerList left = LETHE_TRY(Held());
  return Apply(Difference(left, held_), held_);
}

}  // namespace lethe::wireguard
