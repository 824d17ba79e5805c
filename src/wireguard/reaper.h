// Decides which peers are to be forgotten: those without a live session whose endpoint, counters or
// times the kernel still holds. Pure: the clocks come in.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "wireguard/device_message.h"

namespace lethe::wireguard {

struct Clocks {
  Milliseconds unix{0};       // since 1970, as the kernel stamps handshakes: may be set
  Milliseconds monotonic{0};  // never goes back
};

struct KeyHash {
  size_t operator()(const Key& key) const {  // keys are uniform already
    size_t out = 0;
    std::memcpy(&out, key.data(), sizeof out);
    return out;
  }
};

enum class Verdict {
  kBlank,   // nothing was observed of it
  kAlive,   // its last handshake is younger than the limit
  kWaits,   // observed, without a session, but not for as long as the limit
  kForget,  // observed, and no session for as long as the limit
};

// One sweep is Begin, Judge for every peer, End. A peer whose handshake never completed counts from
// the first sweep that saw it. After the wall clock was set, ages are taken so that no session that
// may be alive is cut: for at most the limit.
class Reaper {
 public:
  Reaper(Milliseconds limit, Clocks start);

  void Begin(Clocks now);
  Verdict Judge(const PeerReport& peer);
  void End();

  Milliseconds limit() const { return limit_; }

 private:
  bool IsAlive(Milliseconds last_handshake) const;

  struct Seen {
    Milliseconds first;  // monotonic
    uint64_t sweep;
  };

  Milliseconds limit_;
  Clocks now_;
  Milliseconds set_at_;      // monotonic: when the wall clock was last found set
  Milliseconds forward_{0};  // by how much in all, within the limit
  uint64_t sweep_ = 0;
  std::unordered_map<Key, Seen, KeyHash> waiting_;
};

}  // namespace lethe::wireguard
