#include "supervise/machine.h"

#include <algorithm>

namespace lethe::supervise {
namespace {

constexpr std::chrono::seconds kSteady(10);  // ready for so long: what was before is forgotten
constexpr std::chrono::seconds kKillAgain(1);
constexpr unsigned kProbeFailuresAllowed = 3;

}  // namespace

std::string_view ToString(State state) {
  switch (state) {
    case State::kWaiting:
      return "waiting";
    case State::kStarting:
      return "starting";
    case State::kReady:
      return "ready";
    case State::kDraining:
      return "draining";
    case State::kStopping:
      return "stopping";
    case State::kBackoff:
      return "backoff";
    case State::kStopped:
      return "stopped";
    case State::kFailed:
      return "failed";
    case State::kDone:
      return "done";
  }
  return "unknown";
}

std::string_view ToString(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kExited:
      return "exited";
    case Reason::kKilled:
      return "killed";
    case Reason::kNotReady:
      return "not-ready";
    case Reason::kProbeFailed:
      return "probe-failed";
    case Reason::kCrashLoop:
      return "crash-loop";
    case Reason::kNoProgram:
      return "no-program";
    case Reason::kNoController:
      return "no-controller";
    case Reason::kSandbox:
      return "sandbox";
    case Reason::kUnsealed:
      return "unsealed";
    case Reason::kHookFailed:
      return "hook-failed";
    case Reason::kAsked:
      return "asked";
    case Reason::kDependency:
      return "dependency";
    case Reason::kRolledBack:
      return "rolled-back";
  }
  return "unknown";
}

Change Compare(const Service& before, const Service& after) {
  if (before == after) return Change::kNothing;
  Service live = before;
  live.limits = after.limits;
  live.restart = after.restart;
  live.stop = after.stop;
  live.drain = after.drain;
  live.reload_signal = after.reload_signal;
  // Both are set before its program runs.
  const bool at_start = before.limits.open_files != after.limits.open_files ||
                        before.limits.locked_bytes != after.limits.locked_bytes;
  return live == after && !at_start ? Change::kLive : Change::kRestart;
}

void Machine::Enter(State state, std::optional<Time> deadline) {
  state_ = state;
  deadline_ = deadline;
}

Machine::Actions Machine::Start(Time now) {
  wanted_ = true;
  crashes_.clear();
  in_a_row_ = 0;
  if (state_ == State::kStopping) start_at_once_ = true;
  if (IsUp() || !IsQuiet() || state_ == State::kWaiting) return {};
  reason_ = Reason::kNone;
  Enter(State::kWaiting, now);
  return {};
}

Machine::Actions Machine::Stop(Time now) {
  wanted_ = false;
  start_at_once_ = false;
  previous_.reset();
  if (Runs()) return End(Reason::kAsked, now);
  if (state_ == State::kStopping) return {};
  reason_ = Reason::kAsked;
  Enter(State::kStopped);
  return {};
}

Machine::Actions Machine::Restart(Time now) {
  if (state_ == State::kDone) Enter(State::kStopped);
  if (!Runs()) return Start(now);
  wanted_ = true;
  start_at_once_ = true;
  crashes_.clear();
  in_a_row_ = 0;
  return End(Reason::kAsked, now);
}

Machine::Actions Machine::StartDrain(std::chrono::seconds deadline, Time now) {
  wanted_ = false;
  reason_ = Reason::kAsked;
  drain_until_ = now + deadline;
  closed_.reset();
  Enter(State::kDraining, drain_until_);
  if (service_.drain.close.empty()) return Closed(now);
  hooks_ = Hooks::kClosing;
  return {Action::kClose};
}

Machine::Actions Machine::Closed(Time now) {
  closed_ = now;
  return service_.drain.signal != 0 ? Actions{Action::kDrainSignal} : Actions{};
}

Machine::Actions Machine::Resume(Time now) {
  wanted_ = true;
  reason_ = Reason::kNone;
  Actions actions = BecomeReady(now);
  if (service_.drain.resume_signal != 0) actions.push_back(Action::kResumeSignal);
  if (!service_.drain.open.empty()) {
    hooks_ = Hooks::kOpening;
    actions.push_back(Action::kOpen);
  }
  return actions;
}

Machine::Actions Machine::Replace(Service service, Time now) {
  const Change change = Compare(service_, service);
  if (change != Change::kRestart) {
    service_ = std::move(service);
    const bool tell = service_.reload_signal != 0 && state_ == State::kReady;
    return tell ? Actions{Action::kReloadSignal} : Actions{};
  }
  const bool up = state_ == State::kReady || state_ == State::kDone;
  // One that was not ready has nothing to go back to.
  if (up) previous_ = std::move(service_);
  service_ = std::move(service);
  // What drains or is stopped takes it at its next start.
  return wanted_ ? Restart(now) : Actions{};
}

Machine::Actions Machine::DependenciesMet(Time now) {
  return state_ == State::kWaiting ? Begin(now) : Actions{};
}

void Machine::DependenciesFailed() {
  if (state_ == State::kWaiting) reason_ = Reason::kDependency;
}

Machine::Actions Machine::Begin(Time now) {
  reason_ = previous_ ? Reason::kNone : reason_;
  if (reason_ == Reason::kDependency) reason_ = Reason::kNone;
  Enter(State::kStarting, now + service_.ready.timeout);
  if (service_.drain.open.empty()) return Spawn();
  hooks_ = Hooks::kOpening;
  return {Action::kOpen};
}

Machine::Actions Machine::Spawn() {
  signalled_ = false;
  probe_failures_ = 0;
  return {Action::kSpawn};
}

Machine::Actions Machine::HooksDone(bool well, Time now) {
  const Hooks hooks = std::exchange(hooks_, Hooks::kNone);
  if (hooks == Hooks::kOpening && state_ == State::kStarting && !program_runs_) {
    if (well) return Spawn();
    return SpawnFailed(Reason::kHookFailed, now);
  }
  if (hooks == Hooks::kOpening && state_ == State::kReady && !well)
    return End(Reason::kHookFailed, now);  // it could get no clients: the next start opens again
  if (hooks == Hooks::kClosing && state_ == State::kDraining) {
    if (well) return Closed(now);
    wanted_ = true;
    Actions actions = BecomeReady(now);
    reason_ = Reason::kHookFailed;
    return actions;
  }
  // It was stopped meanwhile, before its program ran.
  if (state_ == State::kStopping && !group_in_use_) return Ended(now);
  return {};
}

Machine::Actions Machine::Spawned(Time now) {
  program_runs_ = true;
  group_in_use_ = true;
  if (state_ != State::kStarting) return {};
  if (service_.task || service_.ready.notify) return {};
  if (service_.ready.probe) return {Action::kProbe};
  return BecomeReady(now);
}

Machine::Actions Machine::SpawnFailed(Reason reason, Time now) {
  program_runs_ = false;
  reason_ = reason;
  return Ended(now);
}

Machine::Actions Machine::Notified(Time now) {
  if (state_ != State::kStarting || !service_.ready.notify) return {};
  if (service_.ready.probe) return {Action::kProbe};
  return BecomeReady(now);
}

Machine::Actions Machine::BecomeReady(Time now) {
  previous_.reset();
  probe_failures_ = 0;
  ready_since_ = now;
  if (reason_ != Reason::kRolledBack) reason_ = Reason::kNone;
  const auto& probe = service_.ready.probe;
  if (probe && probe->interval.count() > 0) {
    Enter(State::kReady, now + probe->interval);
  } else {
    Enter(State::kReady);
  }
  return {};
}

Machine::Actions Machine::Probed(bool answered, Time now) {
  if (state_ == State::kStarting) return answered ? BecomeReady(now) : Actions{Action::kProbe};
  if (state_ != State::kReady || !service_.ready.probe) return {};
  deadline_ = now + service_.ready.probe->interval;
  probe_failures_ = answered ? 0 : probe_failures_ + 1;
  if (probe_failures_ >= kProbeFailuresAllowed) return End(Reason::kProbeFailed, now);
  return {};
}

Machine::Actions Machine::End(Reason reason, Time now) {
  reason_ = reason;
  signalled_ = true;
  Enter(State::kStopping, now + service_.stop.timeout);
  if (program_runs_) return {Action::kStopSignal};
  return hooks_ == Hooks::kNone ? Ended(now) : Actions{};
}

Machine::Actions Machine::Exited(bool well, bool by_signal, Time now) {
  program_runs_ = false;
  if (state_ == State::kStarting && service_.task && well) {
    // What a task leaves behind goes with it.
    wanted_ = true;
    reason_ = Reason::kNone;
    previous_.reset();
    Enter(State::kDone);
    return {Action::kKill};
  }
  if (!signalled_) reason_ = by_signal ? Reason::kKilled : Reason::kExited;
  Enter(State::kStopping, now + kKillAgain);
  return {Action::kKill};
}

Machine::Actions Machine::GroupEmpty(Time now) {
  return state_ == State::kStopping && !program_runs_ ? Ended(now) : Actions{};
}

Machine::Actions Machine::NoClients(Time now) {
  if (state_ != State::kDraining || !closed_) return {};
  const Time counted = *closed_ + kCountLag;
  if (now >= counted) return End(Reason::kAsked, now);
  deadline_ = std::min(counted, drain_until_);
  return {};
}

Machine::Actions Machine::Unsealed(Time now) {
  if (!Runs() || !program_runs_) return {};
  reason_ = Reason::kUnsealed;
  signalled_ = true;
  Enter(State::kStopping, now + kKillAgain);
  return {Action::kKill};
}

Machine::Actions Machine::Ended(Time now) {
  const bool steady = ready_since_ && now - *ready_since_ >= kSteady;
  ready_since_.reset();
  group_in_use_ = false;
  if (steady) in_a_row_ = 0;
  if (!wanted_) {
    Enter(State::kStopped);
    return {};
  }
  if (start_at_once_) {
    start_at_once_ = false;
    Enter(State::kWaiting, now);
    return {};
  }
  if (previous_) {
    service_ = std::move(*previous_);
    previous_.reset();
    reason_ = Reason::kRolledBack;
    Enter(State::kWaiting, now);
    return {};
  }
  return Crashed(now);
}

Machine::Actions Machine::Crashed(Time now) {
  const auto& restart = service_.restart;
  crashes_.push_back(now);
  while (now - crashes_.front() > restart.crash_window) crashes_.pop_front();
  if (restart.crash_limit != 0 && crashes_.size() >= restart.crash_limit) {
    reason_ = Reason::kCrashLoop;
    Enter(State::kFailed);
    return {};
  }
  while (crashes_.size() > std::max(restart.crash_limit, 1U)) crashes_.pop_front();
  ++restarts_;
  if (in_a_row_++ == 0) {
    Enter(State::kWaiting, now);
    return {};
  }
  Milliseconds wait = restart.first;
  for (unsigned i = 2; i < in_a_row_ && wait < restart.max; ++i) wait *= 2;
  Enter(State::kBackoff, now + std::min(wait, restart.max));
  return {};
}

Machine::Actions Machine::Tick(Time now) {
  if (!deadline_ || now < *deadline_) return {};
  switch (state_) {
    case State::kWaiting:
      deadline_.reset();
      return {};
    case State::kStarting:
      return End(Reason::kNotReady, now);
    case State::kReady:
      deadline_.reset();
      return {Action::kProbe};
    case State::kDraining:
      if (now >= drain_until_) return End(Reason::kAsked, now);
      deadline_ = drain_until_;
      return {Action::kAskClients};
    case State::kStopping:
      deadline_ = now + kKillAgain;
      return {Action::kKill};
    case State::kBackoff:
      Enter(State::kWaiting, now);
      return {};
    case State::kStopped:
    case State::kFailed:
    case State::kDone:
      deadline_.reset();
      return {};
  }
  return {};
}

}  // namespace lethe::supervise
