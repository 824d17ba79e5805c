#include "apps/lethe-ikev2/service.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>

#include "apps/lethe-ikev2/charon.h"
#include "base/descriptor.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/signals.h"
#include "base/strings.h"

namespace lethe::ikev2 {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kCountInterval(2000), kSocketInterval(20), kEndInterval(20);
constexpr milliseconds kEndTimeout(4000);  // then charon is killed
constexpr size_t kMaxGateway = 255;
constexpr const char* kRedirected[] = {"ikev2-password", "ikev2-certificate"};

// Nobody else uses IPsec here.
Status Flush() {
  LETHE_TRY(RunProgram({"/usr/bin/ip", "xfrm", "state", "flush"}));
  return RunProgram({"/usr/bin/ip", "xfrm", "policy", "flush"});
}

bool IsGateway(std::string_view text) {
  return !text.empty() && text.size() <= kMaxGateway &&
         text.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-") ==
             std::string_view::npos;
}

class Service {
 public:
  Service(const Arguments& arguments, Fd signals, Fd notify, Fd counter)
      : arguments_(arguments),
        signals_(std::move(signals)),
        notify_(std::move(notify)),
        counter_(std::move(counter)) {}

  Status Run() {
    LETHE_TRY(Flush());
    charon_ = LETHE_TRY(StartProgram({arguments_.charon}));
    const Status status = UntilTheEnd();
    EndCharon();
    LETHE_TRY(Flush());
    return status;
  }

 private:
  Status UntilTheEnd() {
    struct stat info {};
    while (::stat(arguments_.socket.c_str(), &info) != 0) {
      if (!LETHE_TRY(Wait(kSocketInterval))) return {};
    }
    LETHE_TRY(Load());
    Tell(0);
    if (notify_) (void)!::write(notify_.get(), "\n", 1);
    notify_.Close();
    while (LETHE_TRY(Wait(kCountInterval))) Count();
    return {};
  }

  // False where it was asked to end. kUnavailable where charon has ended.
  Result<bool> Wait(milliseconds most) {
    pollfd waiting{signals_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(most.count())) < 0 && errno != EINTR)
      return IoError("waiting for", "signals");
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGTERM || signal == SIGINT) return false;
      // charon lets go of what it has before it takes anew: without it, it is no server.
      if (signal == SIGHUP) LETHE_TRY(Load());
      if (signal == SIGUSR1) Redirect();
    }
    if (CharonEnded()) return Error{ErrorCode::kUnavailable, "charon has ended"};
    return true;
  }

  bool CharonEnded() {
    if (charon_ > 0 && ::waitpid(charon_, nullptr, WNOHANG) == charon_) charon_ = -1;
    return charon_ < 0;
  }

  void EndCharon() {
    if (CharonEnded()) return;
    ::kill(charon_, SIGTERM);
    for (milliseconds waited(0); waited < kEndTimeout; waited += kEndInterval) {
      if (CharonEnded()) return;
      ::poll(nullptr, 0, static_cast<int>(kEndInterval.count()));
    }
    ::kill(charon_, SIGKILL);
    ::waitpid(charon_, nullptr, 0);
  }

  // swanctl says nothing of a private key that charon did not take.
  Status Load() {
    LETHE_TRY(RunProgram({"/usr/sbin/swanctl", "--load-all", "--clear", "--noprompt", "--file",
                          arguments_.connections, "--uri", "unix://" + arguments_.socket}));
    const auto answer = LETHE_TRY(Ask(arguments_.socket, "get-keys"));
    const auto keys = answer.find("keys");
    if (keys == answer.end() || keys->second == "0")
      return Error{ErrorCode::kUnavailable, "charon has no private key"};
    return {};
  }

  void Redirect() {
    const auto text = ReadFile(arguments_.redirect, kMaxGateway + 1);
    if (!text) return;
    const std::string_view gateway = Trim(*text);
    if (!IsGateway(gateway)) return;
    for (const char* connection : kRedirected) {
      (void)Ask(arguments_.socket, "redirect",
                {{"ike", connection}, {"gateway", std::string(gateway)}});
    }
  }

  // Those that are through with the first exchange: what probes begin is not counted.
  void Count() {
    const auto stats = Ask(arguments_.socket, "stats");
    if (!stats) return;
    const auto number = [&](const char* name) -> std::optional<uint32_t> {
      const auto found = stats->find(name);
      if (found == stats->end()) return {};
      const auto value = ParseUnsigned<uint32_t>(found->second);
      return value ? std::optional(*value) : std::nullopt;
    };
    const auto total = number("ikesas.total"), half_open = number("ikesas.half-open");
    if (total && half_open) Tell(*total - std::min(*total, *half_open));
  }

  // A full pipe loses nothing: the next change says the number anew.
  void Tell(uint32_t clients) {
    if (!counter_ || clients == told_) return;
    if (::write(counter_.get(), &clients, sizeof clients) == sizeof clients) told_ = clients;
  }

  const Arguments& arguments_;
  Fd signals_, notify_, counter_;
  pid_t charon_ = -1;
  std::optional<uint32_t> told_;
};

}  // namespace

Status Serve(const Arguments& arguments) {
  Fd notify = LETHE_TRY(TakeDescriptor("LETHE_NOTIFY_FD"));
  Fd counter = LETHE_TRY(TakeDescriptor("LETHE_COUNTER_FD"));
  Fd signals = LETHE_TRY(TakeSignals({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}));
  return Service(arguments, std::move(signals), std::move(notify), std::move(counter)).Run();
}

}  // namespace lethe::ikev2
