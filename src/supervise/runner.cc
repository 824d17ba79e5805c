#include "supervise/runner.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>

#include "base/file.h"
#include "base/packet.h"
#include "supervise/exchange.h"

namespace lethe::supervise {
namespace {

constexpr std::chrono::seconds kFirstAudit(1);  // after its program began
constexpr std::chrono::seconds kAuditInterval(30);
constexpr std::chrono::milliseconds kMeterInterval(10);
constexpr std::chrono::seconds kPeersTimeout(60);

Reason ReasonOf(const Error& error) {
  return error.code == ErrorCode::kUnavailable ? Reason::kNoController : Reason::kSandbox;
}

// The reading end, and the service's end.
Result<std::pair<Fd, Fd>> PacketPipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC | O_DIRECT) != 0) return IoError("making", "a pipe");
  Fd read(ends[0]), write(ends[1]);
  // A service never waits for its manager.
  ::fcntl(read.get(), F_SETFL, O_NONBLOCK | O_DIRECT);
  ::fcntl(write.get(), F_SETFL, O_NONBLOCK | O_DIRECT);
  return std::pair(std::move(read), std::move(write));
}

Result<std::pair<Fd, Fd>> PacketSockets() {
  std::array<int, 2> ends;
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return IoError("making", "a socket pair");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::Create(Surroundings& surroundings, Service service) {
  Cgroup cgroup = LETHE_TRY(Cgroup::Create(surroundings.cgroup, service.name));
  std::unique_ptr<Runner> runner(new Runner(surroundings, std::move(service), std::move(cgroup)));
  LETHE_TRY(runner->WatchGroup());
  return runner;
}

Runner::~Runner() {
  surroundings_.loop.Remove(cgroup_.events_fd());
  CloseChannels();
  hooks_.Cancel();
  (void)cgroup_.KillAll();
  (void)cgroup_.Remove();
}

ServiceStatus Runner::status() const {
  ServiceStatus status{.name = machine_.service().name,
                       .state = machine_.state(),
                       .reason = machine_.reason(),
                       .clients = clients_,
                       .restarts = machine_.restarts(),
                       .probe_failures = machine_.probe_failures(),
                       .unsealed = unsealed_};
  if (surroundings_.meter)
    status.discarded_bytes = discarded_before_ + (meter_ ? meter_->bytes() : 0);
  return status;
}

void Runner::StartDrain(std::chrono::seconds deadline) {
  Do(machine_.StartDrain(deadline, Now()));
  if (clients_ == 0U) Do(machine_.NoClients(Now()));
}

void Runner::Replace(Service service) {
  const bool limits = service.limits != machine_.service().limits;
  Do(machine_.Replace(std::move(service), Now()));
  if (limits) (void)cgroup_.Apply(machine_.service().limits);
}

void Runner::Kill() { (void)cgroup_.KillAll(); }

void Runner::Do(Machine::Actions actions) {
  // What an action leads to comes before what was asked for after it.
  while (!actions.empty()) {
    const Action action = actions.front();
    actions.erase(actions.begin());
    Machine::Actions more = Carry(action);
    actions.insert(actions.begin(), more.begin(), more.end());
  }
}

Machine::Actions Runner::Carry(Action action) {
  switch (action) {
    case Action::kOpen:
      RunHooks(machine_.service().drain.open);
      return {};
    case Action::kClose:
      RunHooks(machine_.service().drain.close);
      return {};
    case Action::kSpawn:
      return Spawn();
    case Action::kProbe:
      StartProbe();
      return {};
    case Action::kStopSignal:
      Signal(machine_.service().stop.signal);
      return {};
    case Action::kDrainSignal:
      Signal(machine_.service().drain.signal);
      return {};
    case Action::kResumeSignal:
      Signal(machine_.service().drain.resume_signal);
      return {};
    case Action::kReloadSignal:
      Signal(machine_.service().reload_signal);
      return {};
    case Action::kAskClients:
      return clients_ == 0U ? machine_.NoClients(Now()) : Machine::Actions{};
    case Action::kKill:
      return KillGroup();
  }
  return {};
}

Machine::Actions Runner::Spawn() {
  const Service& service = machine_.service();
  // Prepared once: only another file, user or rule asks for it again.
  if (!sandbox_ || sandbox_rules_ != service.sandbox || sandbox_user_ != service.user) {
    sandbox_.reset();
    auto sandbox = Sandbox::Prepare(service);
    if (!sandbox) return machine_.SpawnFailed(Reason::kSandbox, Now());
    sandbox_ = std::move(*sandbox);
    sandbox_rules_ = service.sandbox;
    sandbox_user_ = service.user;
  }
  if (const auto renewed = RenewGroup(); !renewed)
    return machine_.SpawnFailed(Reason::kSandbox, Now());
  if (const auto applied = cgroup_.Apply(service.limits); !applied)
    return machine_.SpawnFailed(ReasonOf(applied.error()), Now());
  auto options = OpenChannels();
  if (!options) return machine_.SpawnFailed(Reason::kSandbox, Now());
  auto child = supervise::Spawn(service, *sandbox_, *options);
  for (const auto& channel : options->channels) ::close(channel.fd);
  if (!child) {
    CloseChannels();
    // A file of `read` may come back as another one.
    sandbox_.reset();
    const bool no_program = child.error().code == ErrorCode::kNotFound;
    return machine_.SpawnFailed(no_program ? Reason::kNoProgram : Reason::kSandbox, Now());
  }
  child_ = std::move(*child);
  next_audit_ = Now() + kFirstAudit;
  return machine_.Spawned(Now());
}

Status Runner::RenewGroup() {
  if (!cgroup_.was_killed()) return {};
  surroundings_.loop.Remove(cgroup_.events_fd());
  cgroup_ = LETHE_TRY(Cgroup::Create(surroundings_.cgroup, machine_.service().name));
  return WatchGroup();
}

Status Runner::WatchGroup() {
  return surroundings_.loop.Add(cgroup_.events_fd(), EPOLLPRI, [this] { OnGroupEvent(); });
}

Result<SpawnOptions> Runner::OpenChannels() {
  CloseChannels();
  const Service& service = machine_.service();
  SpawnOptions options{.cgroup_fd = cgroup_.fd()};
  const auto add = [&](Fd& mine, std::pair<Fd, Fd> ends, const char* variable,
                       void (Runner::*on_ready)()) -> Status {
    mine = std::move(ends.first);
    options.channels.push_back({ends.second.Release(), variable});
    return surroundings_.loop.Add(mine.get(), EPOLLIN, [this, on_ready] { (this->*on_ready)(); });
  };
  if (service.ready.notify)
    LETHE_TRY(add(notify_, LETHE_TRY(PacketPipe()), "LETHE_NOTIFY_FD", &Runner::OnNotify));
  if (service.counter)
    LETHE_TRY(add(counter_, LETHE_TRY(PacketPipe()), "LETHE_COUNTER_FD", &Runner::OnCounter));
  if (service.peers)
    LETHE_TRY(add(peers_, LETHE_TRY(PacketSockets()), "LETHE_PEERS_FD", &Runner::OnPeersAnswer));
  allowance_ = {};
  for (const auto& channel : options.channels) {
    struct stat info {};
    if (::fstat(channel.fd, &info) != 0) return IoError("looking at", "a channel");
    if (S_ISSOCK(info.st_mode)) allowance_.channels.push_back(info.st_ino);
  }
  if (surroundings_.meter) {
    meter_ = LETHE_TRY(DiscardMeter::Create());
    options.output_fd = meter_->child_fd();
    allowance_.output_inode = meter_->inode();
  }
  return options;
}

void Runner::CloseChannels() {
  probe_.reset();
  for (Fd* fd : {&notify_, &counter_, &peers_}) {
    if (*fd) surroundings_.loop.Remove(fd->get());
    fd->Close();
  }
  clients_.reset();
  FinishPeers(ErrorAnswer({ErrorCode::kUnavailable, "the service ended before it answered"}));
  if (meter_) {
    (void)meter_->Discard();
    discarded_before_ += meter_->bytes();
    meter_.reset();
  }
}

Machine::Actions Runner::KillGroup() {
  (void)cgroup_.KillAll();
  const auto empty = cgroup_.IsEmpty();
  return empty && *empty ? machine_.GroupEmpty(Now()) : Machine::Actions{};
}

void Runner::RunHooks(const std::vector<CommandLine>& commands) {
  hooks_.Run(commands, -1, [this](bool well) {
    Do(machine_.HooksDone(well, Now()));
    if (clients_ == 0U) Do(machine_.NoClients(Now()));
  });
}

void Runner::StartProbe() {
  const Probe& probe = *machine_.service().ready.probe;
  auto exchange = MakeExchange(probe, child_.pid);
  if (!exchange) return Do(machine_.Probed(false, Now()));
  probe_ = std::make_unique<ProbeRun>(surroundings_.loop, probe, std::move(*exchange),
                                      [this](bool answered) {
                                        probe_.reset();  // it is over: its deadline wakes nobody
                                        Do(machine_.Probed(answered, Now()));
                                      });
}

void Runner::Signal(int signal) {
  if (child_.pid > 0) ::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), signal, nullptr, 0);
}

bool Runner::ChildEnded(pid_t pid, bool well, bool by_signal) {
  if (hooks_.ChildEnded(pid, well)) return true;
  if (child_.pid != pid || pid <= 0) return false;
  child_ = {};
  CloseChannels();
  Do(machine_.Exited(well, by_signal, Now()));
  return true;
}

void Runner::OnNotify() {
  std::array<char, 64> line;
  const ssize_t got = ::read(notify_.get(), line.data(), line.size());
  if (got < 0 && errno == EAGAIN) return;
  // Told once, or closed.
  surroundings_.loop.Remove(notify_.get());
  notify_.Close();
  const bool told = got > 0 && std::memchr(line.data(), '\n', static_cast<size_t>(got)) != nullptr;
  if (told) Do(machine_.Notified(Now()));
}

void Runner::OnCounter() {
  std::array<char, 64> packet;
  ssize_t got = 0;
  while ((got = ::read(counter_.get(), packet.data(), packet.size())) > 0) {
    uint32_t clients = 0;
    if (got != sizeof clients) continue;  // it may say numbers only
    std::memcpy(&clients, packet.data(), sizeof clients);
    clients_ = clients;
  }
  if (got == 0) {
    surroundings_.loop.Remove(counter_.get());
    counter_.Close();
  }
  if (clients_ == 0U) Do(machine_.NoClients(Now()));
}

void Runner::OnGroupEvent() {
  const auto empty = cgroup_.IsEmpty();  // reading it takes the event
  if (empty && *empty) Do(machine_.GroupEmpty(Now()));
}

void Runner::SendPeers(PeerAction action, Fd peers, std::function<void(std::string)> done) {
  if (!peers_)
    return done(
        ErrorAnswer({ErrorCode::kUnavailable, "the service does not run, or takes no peers"}));
  if (peers_done_)
    return done(ErrorAnswer({ErrorCode::kConflict, "another change of its peers is under way"}));
  const std::string request = R"({"action":")" + std::string(ToString(action)) + "\"}";
  if (const auto sent = SendPacket(peers_.get(), request, peers.get()); !sent)
    return done(ErrorAnswer(sent.error()));
  peers_done_ = std::move(done);
  peers_deadline_ = Now() + kPeersTimeout;
}

void Runner::OnPeersAnswer() {
  auto packet = ReceivePacket(peers_.get(), kMaxRequestBytes);
  if (packet && !packet->has_value()) return;
  if (!packet || (*packet)->bytes.empty()) {
    surroundings_.loop.Remove(peers_.get());
    peers_.Close();
    return FinishPeers(ErrorAnswer({ErrorCode::kUnavailable, "the service closed its channel"}));
  }
  FinishPeers(CheckedPeersAnswer((*packet)->bytes));
}

void Runner::FinishPeers(std::string answer) {
  if (!peers_done_) return;
  const auto done = std::move(peers_done_);
  peers_done_ = nullptr;
  done(std::move(answer));
}

void Runner::Audit() {
  next_audit_ = Now() + kAuditInterval;
  const auto processes = cgroup_.Processes();
  if (!processes) return;
  const auto counts = AuditDescriptors(*processes, machine_.service(), allowance_);
  if (!counts || counts->unsealed == 0) return;
  unsealed_ += counts->unsealed;
  Do(machine_.Unsealed(Now()));
}

void Runner::Tick() {
  const Time now = Now();
  hooks_.Tick();
  if (probe_ && now >= probe_->deadline()) probe_->Tick();
  if (peers_done_ && now >= peers_deadline_)
    FinishPeers(ErrorAnswer({ErrorCode::kUnavailable, "the service did not answer in time"}));
  if (meter_ && now >= next_meter_) {
    next_meter_ = now + kMeterInterval;
    (void)meter_->Discard();
  }
  if (machine_.IsUp() && child_.pid > 0 && now >= next_audit_) Audit();
  Do(machine_.Tick(now));
}

std::optional<Time> Runner::next() const {
  std::optional<Time> next = machine_.deadline();
  const auto at = [&](Time time) { next = next ? std::min(*next, time) : time; };
  if (const auto hooks = hooks_.deadline()) at(*hooks);
  if (probe_) at(probe_->deadline());
  if (peers_done_) at(peers_deadline_);
  if (meter_) at(next_meter_);
  if (machine_.IsUp() && child_.pid > 0) at(next_audit_);
  return next;
}

}  // namespace lethe::supervise
