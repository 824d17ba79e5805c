#include "apps/lethe-wireguard/service.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "apps/lethe-wireguard/channel.h"
#include "base/file.h"
#include "base/signals.h"
#include "wireguard/kernel_device.h"
#include "wireguard/peer_store.h"

namespace lethe::wireguard {
namespace {

constexpr Milliseconds kLongestPause(60'000);
constexpr int kPausePerCost = 50;  // a sweep takes at most some 2 % of the time

Milliseconds Read(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return Milliseconds(int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000);
}

Clocks Now() { return {Read(CLOCK_REALTIME), Read(CLOCK_BOOTTIME)}; }

// What a start that failed is called.
Exit ExitOf(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) return Exit::kNoWireGuard;
  if (error.code == ErrorCode::kConflict) return Exit::kNameTaken;
  return Exit::kRefused;
}

Status WriteNewProbeKeys(const std::string& path, const Key& probe_private, const Key& own) {
  if (path.empty()) return {};
  std::string text = WriteProbeKeys(probe_private, own);
  const Status status = WriteFileAtomic(path, text, 0400);
  Forget(text);
  return status;
}

class Service {
 public:
  Service(const Arguments& arguments, Channels channels, const Interface& interface,
          KernelDevice device, Fd signals)
      : arguments_(arguments),
        channels_(std::move(channels)),
        interface_(interface),
        device_(std::move(device)),
        signals_(std::move(signals)) {}

  Result<Exit> Start();
  Exit Run();

 private:
  bool Sweep();
  bool OnSignal(int signal);
  Exit End();
  // The key of the file, where it is another one.
  Status ReadKeyAgain();
  void Count();

  const Arguments& arguments_;
  Channels channels_;
  Interface interface_;
  KernelDevice device_;
  Fd signals_;
  Key probe_private_{};
  std::optional<PeerStore> store_;
  std::optional<uint32_t> counted_;  // what the manager knows
  Milliseconds next_sweep_{0};
};

Result<Exit> Service::Start() {
  auto key = ReadKeyFile(arguments_.private_key);
  if (!key) return Exit::kPrivateKey;
  PeerRules rules = RulesOf(arguments_, *key);
  const Key own = *rules.own_key;
  const Status set = device_.SetIdentity({*key, arguments_.listen_port});
  Forget(*key);
  LETHE_TRY(set);
  probe_private_ = LETHE_TRY(NewPrivateKey());
  store_.emplace(device_, std::move(rules), PublicKeyOf(probe_private_),
                 Reaper(arguments_.forget_after, Now()));
  LETHE_TRY(store_->Adopt());
  LETHE_TRY(RaiseInterface(interface_, arguments_.interface));
  if (!WriteNewProbeKeys(arguments_.probe_keys, probe_private_, own)) return Exit::kProbeKeys;
  if (!Sweep()) return Exit::kLost;
  if (channels_.notify) (void)!::write(channels_.notify.get(), "\n", 1);
  channels_.notify.Close();
  return Exit::kDone;
}

// A full pipe loses nothing: the next change says the number anew.
void Service::Count() {
  const uint32_t now = store_->live();
  if (now == counted_ || !channels_.counter) return;
  if (::write(channels_.counter.get(), &now, sizeof now) == sizeof now) counted_ = now;
}

bool Service::Sweep() {
  const Clocks before = Now();
  (void)store_->Sweep(before);  // what was refused is due at the next one too
  Count();
  const Clocks after = Now();
  const Milliseconds cost = after.monotonic - before.monotonic;
  next_sweep_ = after.monotonic + std::clamp(cost * kPausePerCost, arguments_.sweep, kLongestPause);
  return !store_->lost();
}

Status Service::ReadKeyAgain() {
  Key key = LETHE_TRY(ReadKeyFile(arguments_.private_key));
  const Key own = PublicKeyOf(key);
  const Status set = device_.SetIdentity({key, arguments_.listen_port});
  Forget(key);
  LETHE_TRY(set);
  store_->SetOwnKey(own);
  return WriteNewProbeKeys(arguments_.probe_keys, probe_private_, own);
}

// False where the service ends.
bool Service::OnSignal(int signal) {
  switch (signal) {
    case SIGUSR1:
      (void)store_->StartDrain(Now());
      Count();
      return true;
    case SIGUSR2:
      (void)store_->EndDrain();
      return true;
    case SIGHUP:
      (void)ReadKeyAgain();  // a file that is none changes nothing
      return true;
    default:
      return false;
  }
}

// The peers first: while it removes an interface, the kernel takes some 20 ms for each peer that is
// left, since it waits for its processors without hurry.
Exit Service::End() {
  (void)device_.Apply({.flush = true}, {});
  return RemoveInterface(interface_) ? Exit::kDone : Exit::kRefused;
}

Exit Service::Run() {
  while (true) {
    pollfd waiting[] = {{signals_.get(), POLLIN, 0}, {channels_.peers.get(), POLLIN, 0}};
    const auto left = std::clamp(next_sweep_ - Now().monotonic, Milliseconds(0), kLongestPause);
    if (::poll(waiting, 2, static_cast<int>(left.count())) < 0 && errno != EINTR)
      return Exit::kLost;
    if (waiting[0].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals_.get(), &info, sizeof info) == sizeof info &&
          !OnSignal(static_cast<int>(info.ssi_signo))) {
        return End();
      }
    }
    if (waiting[1].revents != 0 && !AnswerOne(channels_.peers.get(), *store_))
      return Exit::kManagerGone;
    if (store_->lost()) return Exit::kLost;
    if (Now().monotonic >= next_sweep_ && !Sweep()) return Exit::kLost;
  }
}

Exit ServeOn(const Arguments& arguments, Channels channels, const Interface& interface,
             KernelDevice device, Fd signals) {
  Service service(arguments, std::move(channels), interface, std::move(device), std::move(signals));
  const auto started = service.Start();
  if (started && *started == Exit::kDone) return service.Run();
  if (!interface.adopted) (void)RemoveInterface(interface);
  return started ? *started : ExitOf(started.error());
}

}  // namespace

Exit Serve(const Arguments& arguments) {
  auto channels = TakeChannels();
  if (!channels) return Exit::kChannels;
  auto signals = TakeSignals({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2});
  if (!signals) return Exit::kRefused;
  // Before anything is made: a key that is missing leaves nothing behind.
  if (auto key = ReadKeyFile(arguments.private_key)) {
    Forget(*key);
  } else {
    return Exit::kPrivateKey;
  }
  const auto interface = MakeInterface(arguments.interface.name);
  if (!interface) return ExitOf(interface.error());
  auto device = KernelDevice::Open(interface->index);
  if (!device) {
    if (!interface->adopted) (void)RemoveInterface(*interface);
    return ExitOf(device.error());
  }
  return ServeOn(arguments, std::move(*channels), *interface, std::move(*device),
                 std::move(*signals));
}

}  // namespace lethe::wireguard
