#include "supervise/manager.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "base/file.h"
#include "base/signals.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

constexpr std::chrono::seconds kShutdown(30);

Time Now() { return std::chrono::steady_clock::now(); }

bool IsGone(const Runner& runner) {
  const State state = runner.machine().state();
  return state == State::kStopped || state == State::kFailed || state == State::kDone;
}

}  // namespace

// Who asked for something that takes its time.
struct Manager::Asker {
  ControlServer::ConnectionId id;
  Verb verb;
  std::vector<std::string> services;
};

Manager::Manager(ManagerOptions options, EventLoop loop)
    : options_(std::move(options)),
      loop_(std::move(loop)),
      surroundings_{.loop = loop_, .cgroup = {}, .meter = options_.discard_meter} {}

Manager::~Manager() {
  server_.reset();
  runners_.clear();
  leaving_.clear();
  ::rmdir(surroundings_.cgroup.c_str());  // of systemd's it is not ours, and not empty
  if (signals_) loop_.Remove(signals_.get());
}

Result<std::unique_ptr<Manager>> Manager::Create(ManagerOptions options) {
  auto services = LETHE_TRY(ReadServices(options.services));
  std::unique_ptr<Manager> manager(new Manager(std::move(options), LETHE_TRY(EventLoop::Create())));
  Manager* self = manager.get();
  self->surroundings_.cgroup = LETHE_TRY(PrepareOwnCgroup());
  LETHE_TRY(self->WatchSignals());
  for (Service& service : services)
    self->runners_.push_back(LETHE_TRY(Runner::Create(self->surroundings_, std::move(service))));
  self->server_ = LETHE_TRY(ControlServer::Listen(
      self->loop_, self->options_.socket, [self](ControlServer::ConnectionId id, Packet packet) {
        self->OnRequest(id, std::move(packet));
      }));
  return manager;
}

Status Manager::WatchSignals() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return IoError("becoming", "a subreaper");
  signals_ = LETHE_TRY(TakeSignals({SIGCHLD, SIGTERM, SIGINT}));
  return loop_.Add(signals_.get(), EPOLLIN, [this] { OnSignal(); });
}

Status Manager::Run() {
  for (const auto& runner : runners_) runner->Start();
  while (true) {
    Settle();
    if (ending_ && std::all_of(runners_.begin(), runners_.end(),
                               [](const auto& runner) { return IsGone(*runner); })) {
      return {};
    }
    LETHE_TRY(loop_.Wait(Next()));
  }
}

void Manager::OnSignal() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo == SIGCHLD) {
      ReapChildren();
    } else {
      Shutdown();
    }
  }
}

// Orphans of services come here too: the manager is their subreaper.
void Manager::ReapChildren() {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
    const bool exited = info.si_code == CLD_EXITED;
    const bool well = exited && info.si_status == 0;
    for (auto* list : {&runners_, &leaving_}) {
      for (const auto& runner : *list)
        if (runner->ChildEnded(info.si_pid, well, !exited)) break;
    }
    info.si_pid = 0;
  }
}

void Manager::Shutdown() {
  if (ending_) return;
  ending_ = Now() + kShutdown;
  for (auto& runner : leaving_) runner->Stop();
}

// Those first that no other running service starts after.
void Manager::StopNext() {
  for (const auto& runner : runners_)
    if (!IsGone(*runner) && !IsNeeded(*runner)) runner->Stop();
  if (Now() < *ending_) return;
  for (const auto& runner : runners_) runner->Kill();
  ending_ = Now() + std::chrono::seconds(1);
}

bool Manager::IsNeeded(const Runner& runner) const {
  const std::string& name = runner.machine().service().name;
  return std::any_of(runners_.begin(), runners_.end(), [&](const auto& other) {
    const auto& after = other->machine().service().after;
    return !IsGone(*other) && std::find(after.begin(), after.end(), name) != after.end();
  });
}

void Manager::Settle() {
  for (auto* list : {&runners_, &leaving_})
    for (const auto& runner : *list) runner->Tick();
  if (ending_) StopNext();
  while (!ending_ && StartWaiting()) {
  }
  std::erase_if(leaving_, [](const auto& runner) { return IsGone(*runner); });
  const bool settled = std::all_of(runners_.begin(), runners_.end(), [](const auto& runner) {
    const auto& machine = runner->machine();
    // What waits for one that failed waits for a person.
    return machine.IsSettled() || machine.reason() == Reason::kDependency;
  });
  if (settled && !settled_) {
    settled_ = true;
    if (options_.on_settled) options_.on_settled();
  }
  AnswerSettled();
  TellWatchers();
}

// Whether one began.
bool Manager::StartWaiting() {
  bool began = false;
  for (const auto& runner : runners_) {
    if (runner->machine().state() != State::kWaiting) continue;
    bool met = true;
    for (const std::string& name : runner->machine().service().after) {
      const Machine& other = Find(name)->machine();
      met = met && other.IsUp();
      const bool down = other.state() == State::kFailed || other.state() == State::kStopped ||
                        other.reason() == Reason::kDependency;
      if (down) runner->DependenciesFailed();
    }
    if (!met) continue;
    runner->DependenciesMet();
    began = true;
  }
  return began;
}

std::optional<Time> Manager::Next() const {
  std::optional<Time> next = ending_;
  for (const auto* list : {&runners_, &leaving_}) {
    for (const auto& runner : *list) {
      const auto at = runner->next();
      if (at && (!next || *at < *next)) next = at;
    }
  }
  return next;
}

Runner* Manager::Find(std::string_view name) {
  for (const auto& runner : runners_)
    if (runner->machine().service().name == name) return runner.get();
  return nullptr;
}

void Manager::TellWatchers() {
  std::erase_if(watchers_, [&](auto id) { return !server_->IsOpen(id); });
  for (const auto& runner : runners_) {
    const Machine& machine = runner->machine();
    const auto& name = machine.service().name;
    const auto now = std::pair(machine.state(), machine.reason());
    const auto [entry, fresh] = told_.emplace(name, now);
    if (!fresh && entry->second == now) continue;
    entry->second = now;
    for (const auto id : watchers_)
      server_->Answer(id, ChangeAnswer(name, machine.state(), machine.reason()));
  }
}

void Manager::OnRequest(ControlServer::ConnectionId id, Packet packet) {
  auto request = ParseRequest(packet.bytes);
  Status handled;
  if (!request) {
    handled = request.error();
  } else if (packet.descriptor && request->verb != Verb::kPeer) {
    handled = Error{ErrorCode::kMalformed, "request: a descriptor belongs to 'peer' alone"};
  } else {
    handled = Handle(id, *request, std::move(packet.descriptor));
  }
  if (!handled) server_->Answer(id, ErrorAnswer(handled.error()));
}

Status Manager::Handle(ControlServer::ConnectionId id, const Request& request, Fd descriptor) {
  if (ending_ && request.verb != Verb::kStatus && request.verb != Verb::kWatch)
    return Error{ErrorCode::kUnavailable, "the manager is being stopped"};
  switch (request.verb) {
    case Verb::kStatus: {
      std::vector<ServiceStatus> services;
      for (const auto& runner : runners_) services.push_back(runner->status());
      server_->Answer(id, StatusAnswer(services));
      return {};
    }
    case Verb::kWatch:
      Watch(id);
      return {};
    case Verb::kReload:
      return Reload(id, request);
    case Verb::kPeer: {
      Runner* runner = Find(request.service);
      if (runner == nullptr)
        return Error{ErrorCode::kNotFound, "no service '" + Printable(request.service) + "'"};
      if (!descriptor)
        return Error{ErrorCode::kMalformed, "request: 'peer' comes with a file's descriptor"};
      runner->SendPeers(*request.action, std::move(descriptor),
                        [this, id](const std::string& answer) { server_->Answer(id, answer); });
      return {};
    }
    default:
      return HandleService(id, request);
  }
}

Status Manager::HandleService(ControlServer::ConnectionId id, const Request& request) {
  Runner* runner = Find(request.service);
  if (runner == nullptr)
    return Error{ErrorCode::kNotFound, "no service '" + Printable(request.service) + "'"};
  const Machine& machine = runner->machine();
  const auto conflict = [&](std::string_view why) {
    return Error{ErrorCode::kConflict, machine.service().name + ": " + std::string(why) + " (" +
                                           std::string(ToString(machine.state())) + ")"};
  };
  switch (request.verb) {
    case Verb::kStart:
      if (machine.CanResume()) return conflict("drains; resume it");
      runner->Start();
      break;
    case Verb::kStop:
      runner->Stop();
      break;
    case Verb::kRestart:
      runner->Restart();
      break;
    case Verb::kDrain:
      if (!machine.CanDrain()) return conflict("is not ready, so it cannot drain");
      runner->StartDrain(request.deadline.value_or(machine.service().drain.deadline));
      break;
    case Verb::kResume:
      if (!machine.CanResume()) return conflict("does not drain");
      runner->Resume();
      break;
    default:
      break;
  }
  askers_.push_back({id, request.verb, {request.service}});
  return {};
}

void Manager::Watch(ControlServer::ConnectionId id) {
  watchers_.push_back(id);
  for (const auto& runner : runners_) {
    const Machine& machine = runner->machine();
    server_->Answer(id, ChangeAnswer(machine.service().name, machine.state(), machine.reason()));
  }
}

Status Manager::Reload(ControlServer::ConnectionId id, const Request& request) {
  const std::filesystem::path folder = request.from ? *request.from : options_.services.string();
  std::vector<std::string> changed;
  LETHE_TRY(Swap(LETHE_TRY(ReadServices(folder)), changed));
  options_.services = folder;
  askers_.push_back({id, Verb::kReload, std::move(changed)});
  return {};
}

// All of it is known to be possible before the first service changes.
Status Manager::Swap(std::vector<Service> services, std::vector<std::string>& changed) {
  std::vector<std::unique_ptr<Runner>> fresh;
  for (const Service& service : services) {
    const Runner* runner = Find(service.name);
    if (runner != nullptr && runner->machine().service() == service) continue;
    if (const auto sandbox = Sandbox::Prepare(service); !sandbox)
      return sandbox.error().In(service.name + ".toml");
    if (runner != nullptr) continue;
    for (const auto& old : leaving_) {
      if (old->machine().service().name == service.name)
        return Error{ErrorCode::kConflict, service.name + ": is still being stopped"};
    }
    fresh.push_back(LETHE_TRY(Runner::Create(surroundings_, service)));
  }
  std::vector<std::unique_ptr<Runner>> next;
  for (Service& service : services) {
    const auto old = std::find_if(runners_.begin(), runners_.end(), [&](const auto& runner) {
      return runner != nullptr && runner->machine().service().name == service.name;
    });
    if (old == runners_.end()) continue;
    next.push_back(std::move(*old));
    if (Compare(next.back()->machine().service(), service) != Change::kNothing)
      changed.push_back(service.name);
    next.back()->Replace(std::move(service));
  }
  for (auto& runner : runners_) {
    if (runner == nullptr) continue;
    runner->Stop();
    leaving_.push_back(std::move(runner));
  }
  for (auto& runner : fresh) {
    changed.push_back(runner->machine().service().name);
    runner->Start();
    next.push_back(std::move(runner));
  }
  runners_ = std::move(next);
  return {};
}

// What became of one service that was asked about: nothing while it is under way.
std::optional<std::string> Manager::Outcome(Verb verb, const std::string& name) {
  const Runner* runner = Find(name);
  if (runner == nullptr) return name + ": is gone";
  const Machine& machine = runner->machine();
  const State state = machine.state();
  const Reason reason = machine.reason();
  const bool stop = verb == Verb::kStop || verb == Verb::kDrain;
  const bool done = stop ? state == State::kStopped : machine.IsUp();
  const bool called_off = verb == Verb::kDrain && state == State::kReady;
  const bool down = !stop && state == State::kStopped;
  const bool rolled_back = verb == Verb::kReload && done && reason == Reason::kRolledBack;
  if (state == State::kFailed || state == State::kBackoff || called_off || down || rolled_back ||
      reason == Reason::kDependency)
    return name + ": " + std::string(ToString(state)) + ", " + std::string(ToString(reason));
  return done ? std::optional("") : std::nullopt;
}

void Manager::AnswerSettled() {
  std::vector<Asker> left;
  for (Asker& asker : askers_) {
    if (!server_->IsOpen(asker.id)) continue;
    std::vector<std::string> failures;
    bool waits = false;
    for (const std::string& name : asker.services) {
      const auto outcome = Outcome(asker.verb, name);
      waits = waits || !outcome;
      if (outcome && !outcome->empty()) failures.push_back(*outcome);
    }
    if (waits) {
      left.push_back(std::move(asker));
    } else if (failures.empty()) {
      server_->Answer(asker.id, OkAnswer());
    } else {
      server_->Answer(asker.id, ErrorAnswer({ErrorCode::kUnavailable, Join(failures, "; ")}));
    }
  }
  askers_ = std::move(left);
}

}  // namespace lethe::supervise
