// A child process with namespaces of its own, in which the surroundings of one build are set up;
// all that was mounted goes with it.
#pragma once

#include <functional>

#include "base/result.h"

namespace lethe::reproduce {

// Forks, unshares `namespaces` (CLONE_NEW…; where mounts are among them, none reaches the host),
// and calls `work` there. Only the Status comes back; kIo where the child was killed. It is killed
// when the caller dies.
Status RunOnStage(int namespaces, const std::function<Status()>& work);

}  // namespace lethe::reproduce
