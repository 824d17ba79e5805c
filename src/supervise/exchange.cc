#include "supervise/exchange.h"

namespace lethe::supervise {

Result<Exchange> MakeExchange(ProbeKind, pid_t) {
  return Error{ErrorCode::kUnavailable, "no probe"};
}

}  // namespace lethe::supervise
