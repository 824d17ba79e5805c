// The channels of docs/formats/service.md: descriptors that lethe-vpnd leaves in the environment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "wireguard/peer_store.h"

namespace lethe::wireguard {

struct Channels {
  Fd notify;
  Fd counter;
  Fd peers;
};
// Of LETHE_NOTIFY_FD, LETHE_COUNTER_FD, LETHE_PEERS_FD; what is not named is not there. kMalformed.
Result<Channels> TakeChannels();

// The manager's request: `{"action":"add"}` and one descriptor. Answers it with what `change`
// returns, or with an error. kUnavailable: the manager is gone.
Status AnswerOne(int peers, PeerStore& store);

}  // namespace lethe::wireguard
