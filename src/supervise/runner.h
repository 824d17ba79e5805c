// Runs one service: carries out what its state machine asks for, and tells it what became of that.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "supervise/audit.h"
#include "supervise/cgroup.h"
#include "supervise/control.h"
#include "supervise/discard_meter.h"
#include "supervise/event_loop.h"
#include "supervise/hooks.h"
#include "supervise/machine.h"
#include "supervise/probe_run.h"
#include "supervise/spawn.h"

namespace lethe::supervise {

// What all services of a manager share.
struct Surroundings {
  EventLoop& loop;
  std::filesystem::path cgroup;  // each service has its group below
  bool meter = false;            // outputs go to a discard meter
};

class Runner {
 public:
  // Makes the control group and the sandbox's plan. A sandbox that cannot be made now (a file of
  // `read` is missing) is no error: it is tried again at each start.
  static Result<std::unique_ptr<Runner>> Create(Surroundings& surroundings, Service service);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  const Machine& machine() const { return machine_; }
  ServiceStatus status() const;

  void Start() { Do(machine_.Start(Now())); }
  void Stop() { Do(machine_.Stop(Now())); }
  void Restart() { Do(machine_.Restart(Now())); }
  void StartDrain(std::chrono::seconds deadline);
  void Resume() { Do(machine_.Resume(Now())); }
  void Replace(Service service);
  void DependenciesMet() { Do(machine_.DependenciesMet(Now())); }
  void DependenciesFailed() { machine_.DependenciesFailed(); }
  // Kills without asking; for a manager that must end.
  void Kill();

  // A child of this manager ended; false where it is none of this service.
  bool ChildEnded(pid_t pid, bool well, bool by_signal);
  // Does what is due; next() says when it wants to be called.
  void Tick();
  std::optional<Time> next() const;

  // Hands a descriptor with peers to the service. `done` gets its answer, or an error's.
  void SendPeers(PeerAction action, Fd peers, std::function<void(std::string)> done);

 private:
  Runner(Surroundings& surroundings, Service service, Cgroup cgroup)
      : surroundings_(surroundings), machine_(std::move(service)), cgroup_(std::move(cgroup)) {}

  static Time Now() { return std::chrono::steady_clock::now(); }
  void Do(Machine::Actions actions);
  Machine::Actions Carry(Action action);
  Machine::Actions Spawn();
  Status RenewGroup();
  Status WatchGroup();
  Result<SpawnOptions> OpenChannels();
  void CloseChannels();
  Machine::Actions KillGroup();
  void RunHooks(const std::vector<CommandLine>& commands);
  void StartProbe();
  void Signal(int signal);
  void OnNotify();
  void OnCounter();
  void OnPeersAnswer();
  void OnGroupEvent();
  void FinishPeers(std::string answer);
  void Audit();

  Surroundings& surroundings_;
  Machine machine_;
  Cgroup cgroup_;
  std::optional<Sandbox> sandbox_;
  std::optional<SandboxRules> sandbox_rules_;  // what sandbox_ was made of
  std::string sandbox_user_;
  Child child_;
  HookRun hooks_;
  Fd notify_, counter_, peers_;
  std::optional<uint32_t> clients_;
  std::optional<DiscardMeter> meter_;
  AuditAllowance allowance_;
  uint64_t discarded_before_ = 0;  // by meters of earlier starts
  std::unique_ptr<ProbeRun> probe_;
  std::function<void(std::string)> peers_done_;
  Time peers_deadline_{};
  Time next_audit_{};
  Time next_meter_{};
  unsigned unsealed_ = 0;
};

}  // namespace lethe::supervise
