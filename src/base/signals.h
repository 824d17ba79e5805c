// Signals as something to read.
#pragma once

#include <initializer_list>

#include "base/fd.h"
#include "base/result.h"

namespace lethe {

// A signalfd that delivers these signals: they are blocked from now on, so call it before the first
// thread. Non-blocking, closed on exec. Ignores SIGPIPE: a write to nobody returns an error. kIo.
Result<Fd> TakeSignals(std::initializer_list<int> signals);

}  // namespace lethe
