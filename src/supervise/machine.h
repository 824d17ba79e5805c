// What a service does next: one state machine per service. Pure: events and the time come in,
// actions go out; whoever owns it carries them out and tells what became of them.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "supervise/service.h"

namespace lethe::supervise {

using Time = std::chrono::steady_clock::time_point;

enum class State {
  kWaiting,   // wanted; a service of `after` is not ready
  kStarting,  // doors are opened, or its program runs and is not ready
  kReady,
  kDraining,  // runs; no new clients
  kStopping,  // something of it still runs, and shall not
  kBackoff,   // ended by itself; starts again when its wait is over
  kStopped,   // not wanted
  kFailed,    // wanted, but stays down until somebody asks
  kDone,      // a task that ended well
};

// Why it is in its state, or why it ended last.
enum class Reason {
  kNone,
  kExited,       // by itself
  kKilled,       // by a signal that the manager did not send
  kNotReady,     // not in time
  kProbeFailed,  // three times in a row
  kCrashLoop,
  kNoProgram,
  kNoController,
  kSandbox,     // could not be made
  kUnsealed,    // had a descriptor that it may not have
  kHookFailed,  // a command of [drain]
  kAsked,
  kDependency,  // a service of `after` failed or is stopped
  kRolledBack,  // its new file did not make it ready; it runs with the old one
};

std::string_view ToString(State state);
std::string_view ToString(Reason reason);

enum class Action {
  kOpen,        // run the commands of drain.open; answer by HooksDone
  kClose,       // run those of drain.close; answer by HooksDone
  kSpawn,       // start the program; answer by Spawned or SpawnFailed
  kProbe,       // probe once; answer by Probed
  kStopSignal,  // send stop.signal to the program
  kDrainSignal,
  kResumeSignal,
  kReloadSignal,
  kAskClients,  // answer by NoClients where there is none
  kKill,        // kill the whole control group; answer by GroupEmpty
};

// How late a service may tell its number of clients.
inline constexpr Milliseconds kCountLag(6000);

class Machine {
 public:
  using Actions = std::vector<Action>;
  explicit Machine(Service service) : service_(std::move(service)) {}

  const Service& service() const { return service_; }
  State state() const { return state_; }
  Reason reason() const { return reason_; }
  unsigned restarts() const { return restarts_; }
  unsigned probe_failures() const { return probe_failures_; }
  // Ready for those that come after it.
  bool IsUp() const {
    return state_ == State::kReady || state_ == State::kDraining || state_ == State::kDone;
  }
  // Nothing changes by itself any more, but by a crash.
  bool IsSettled() const { return state_ != State::kWaiting && IsQuiet(); }
  // When Tick wants to be called next.
  std::optional<Time> deadline() const { return deadline_; }

  // Asked from outside. Start clears what crashes were counted.
  Actions Start(Time now);
  Actions Stop(Time now);
  Actions Restart(Time now);
  // False where it is not ready.
  bool CanDrain() const { return state_ == State::kReady && !service_.task; }
  Actions StartDrain(std::chrono::seconds deadline, Time now);
  bool CanResume() const { return state_ == State::kDraining; }
  Actions Resume(Time now);
  // Another file. It takes effect at once where it can; where a running service has to start anew
  // it does, and gets its old file back when that does not make it ready.
  Actions Replace(Service service, Time now);

  // What became of actions, and what happened.
  Actions DependenciesMet(Time now);  // only a waiting service cares
  void DependenciesFailed();
  Actions HooksDone(bool well, Time now);
  Actions Spawned(Time now);
  Actions SpawnFailed(Reason reason, Time now);
  Actions Notified(Time now);
  Actions Probed(bool answered, Time now);
  Actions Exited(bool well, bool by_signal, Time now);  // the program itself
  Actions GroupEmpty(Time now);
  // Ends a drain, but for its first kCountLag: a client that came in just before may not be
  // counted.
  Actions NoClients(Time now);
  Actions Unsealed(Time now);
  Actions Tick(Time now);

 private:
  enum class Hooks { kNone, kOpening, kClosing };

  bool IsQuiet() const { return state_ != State::kStarting && state_ != State::kStopping; }
  bool Runs() const {
    return state_ == State::kStarting || state_ == State::kReady || state_ == State::kDraining;
  }
  void Enter(State state, std::optional<Time> deadline = {});
  Actions Begin(Time now);
  Actions Spawn();
  Actions BecomeReady(Time now);
  Actions Closed(Time now);
  Actions End(Reason reason, Time now);  // by its stop signal, then by force
  Actions Ended(Time now);               // nothing of it runs any more
  Actions Crashed(Time now);

  Service service_;
  std::optional<Service> previous_;  // while a new file is on trial
  State state_ = State::kStopped;
  Reason reason_ = Reason::kNone;
  Hooks hooks_ = Hooks::kNone;
  bool wanted_ = false;
  bool start_at_once_ = false;  // when it has ended: asked for, no crash
  bool program_runs_ = false;
  bool group_in_use_ = false;  // the program, or what it left
  bool signalled_ = false;     // the manager ended it
  std::optional<Time> deadline_;
  Time drain_until_{};          // while it drains
  std::optional<Time> closed_;  // its door, while it drains
  std::optional<Time> ready_since_;
  std::deque<Time> crashes_;  // within restart.crash_window
  unsigned in_a_row_ = 0;
  unsigned restarts_ = 0;
  unsigned probe_failures_ = 0;  // in a row
};

// What a new file asks for.
enum class Change { kNothing, kLive, kRestart };
Change Compare(const Service& before, const Service& after);

}  // namespace lethe::supervise
