#include "base/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "base/file.h"

namespace lethe {

Result<Fd> TakeSignals(std::initializer_list<int> signals) {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return IoError("blocking", "signals");
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return IoError("taking", "signals");
  return fd;
}

}  // namespace lethe
