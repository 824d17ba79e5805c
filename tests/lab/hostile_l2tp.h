// A client of L2TP that has all keys and talks nonsense inside IPsec, where only xl2tpd, pppd and
// the kernel's L2TP hear it.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "prober/attempt.h"

namespace lethe::lab {

struct Nonsense {
  size_t messages = 0;   // that a client sends
  size_t malformed = 0;  // that none does, in form or in number
  prober::Reason outcome = prober::Reason::kReady;
};

// One connection with a credential file's text (docs/formats/prober.md), from the network that the
// calling thread is in. From its message number `first` on, `of_each` malformed ones made of it go
// ahead of each.
Result<Nonsense> TalkNonsense(const std::string& target, size_t first, size_t of_each,
                              uint32_t seed);

// Messages of L2TP (RFC 2661, 3.2) that make a server set something up.
enum class Step : uint16_t { kTunnel = 3, kCall = 12 };  // SCCCN, ICCN

// One connection that takes a step again and again, in messages with numbers of their own.
Result<Nonsense> RepeatStep(const std::string& target, Step step, size_t times);

}  // namespace lethe::lab
