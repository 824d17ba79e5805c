// A client of L2TP that has all keys and talks nonsense inside IPsec, where only xl2tpd, pppd and
// the kernel's L2TP hear it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// Messages of L2TP (RFC 2661, 3.2).
enum class Message : uint16_t {
  kSccrq = 1,
  kSccrp = 2,
  kScccn = 3,
  kHello = 6,
  kOcrq = 7,
  kOcrp = 8,
  kOccn = 9,
  kIcrq = 10,
  kIcrp = 11,
  kIccn = 12,
  kWen = 15,
  kSli = 16,
};

// One connection that says all of `messages` right after it said `after`, each numbered as the next
// one, with the attributes of `after`; ahead of kSccrq, each as a tunnel's first. The attribute
// that names the message is marked mandatory, as it has to be (RFC 2661, 4.4.1), or not.
Result<Nonsense> TalkOutOfTurn(const std::string& target, Message after,
                               const std::vector<Message>& messages, bool mandatory);

}  // namespace lethe::lab
