#include "wireguard/reaper.h"

#include <cstdlib>

namespace lethe::wireguard {
namespace {

// Between two readings of both clocks the process may have waited for its turn.
constexpr Milliseconds kStep(1000);

}  // namespace

// What was stamped before the start may be of a clock that was set since.
Reaper::Reaper(Milliseconds limit, Clocks start)
    : limit_(limit), now_(start), set_at_(start.monotonic) {}

void Reaper::Begin(Clocks now) {
  const Milliseconds step = (now.unix - now_.unix) - (now.monotonic - now_.monotonic);
  if (now.monotonic - set_at_ >= limit_) forward_ = Milliseconds(0);
  if (step > kStep || step < -kStep) {
    set_at_ = now.monotonic;
    if (step > kStep) forward_ += step;
  }
  now_ = now;
  ++sweep_;
}

bool Reaper::IsAlive(Milliseconds last_handshake) const {
  if (last_handshake.count() == 0) return false;
  const bool was_set = now_.monotonic - set_at_ < limit_;
  const Milliseconds age = now_.unix - last_handshake;
  // A stamp of a clock that was set back since.
  if (age < -kStep) return was_set;
  return age - (was_set ? forward_ : Milliseconds(0)) < limit_;
}

Verdict Reaper::Judge(const PeerReport& peer) {
  if (IsAlive(peer.last_handshake)) return Verdict::kAlive;
  if (!peer.observed) return Verdict::kBlank;
  if (peer.last_handshake.count() != 0) return Verdict::kForget;
  Seen& seen = waiting_.try_emplace(peer.public_key, Seen{now_.monotonic, sweep_}).first->second;
  seen.sweep = sweep_;
  return now_.monotonic - seen.first < limit_ ? Verdict::kWaits : Verdict::kForget;
}

void Reaper::End() {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.sweep != sweep_; });
}

}  // namespace lethe::wireguard
