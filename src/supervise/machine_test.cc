#include "supervise/machine.h"

#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <utility>

namespace lethe::supervise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Time kBegin(seconds(1000));

Service Plain() {
  Service service;
  service.name = "x";
  service.command = {"/x"};
  service.stop.signal = SIGTERM;
  service.restart = {.first = milliseconds(100), .max = milliseconds(1000), .crash_limit = 6};
  return service;
}

Service WithHooks() {
  Service service = Plain();
  service.drain.open = {{"/open"}};
  service.drain.close = {{"/close"}};
  return service;
}

using Actions = Machine::Actions;

// Starts a service without readiness rules.
void MakeReady(Machine& machine, Time now) {
  machine.Start(now);
  ASSERT_EQ(machine.state(), State::kWaiting);
  ASSERT_EQ(machine.DependenciesMet(now), Actions{Action::kSpawn});
  ASSERT_EQ(machine.Spawned(now), Actions{});
  ASSERT_EQ(machine.state(), State::kReady);
}

// Its program ends by itself and leaves nothing.
void Crash(Machine& machine, Time now) {
  EXPECT_EQ(machine.Exited(false, true, now), Actions{Action::kKill});
  EXPECT_EQ(machine.state(), State::kStopping);
  machine.GroupEmpty(now);
}

TEST(Machine, IsReadyWhenItsProgramRuns) {
  Machine machine(Plain());
  EXPECT_EQ(machine.state(), State::kStopped);
  MakeReady(machine, kBegin);
  EXPECT_TRUE(machine.IsUp() && machine.IsSettled());
  EXPECT_EQ(machine.reason(), Reason::kNone);
}

TEST(Machine, NoticeComesBeforeProbe) {
  Service service = Plain();
  service.ready.notify = true;
  service.ready.probe = Probe{ProbeKind::kDns, "127.0.0.1", 53, seconds(5)};
  Machine machine(service);
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  EXPECT_EQ(machine.Spawned(kBegin), Actions{});
  EXPECT_EQ(machine.state(), State::kStarting);
  EXPECT_EQ(machine.Notified(kBegin), Actions{Action::kProbe});
  EXPECT_EQ(machine.Probed(false, kBegin), Actions{Action::kProbe});
  EXPECT_EQ(machine.Probed(true, kBegin), Actions{});
  EXPECT_EQ(machine.state(), State::kReady);
  EXPECT_EQ(machine.deadline(), kBegin + seconds(5));
  EXPECT_EQ(machine.Tick(kBegin + seconds(5)), Actions{Action::kProbe});
}

TEST(Machine, ThreeFailedProbesInARowEndIt) {
  Service service = Plain();
  service.ready.probe = Probe{ProbeKind::kDns, "127.0.0.1", 53, seconds(5)};
  Machine machine(service);
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  EXPECT_EQ(machine.Spawned(kBegin), Actions{Action::kProbe});
  machine.Probed(true, kBegin);
  for (const bool answered : {false, false, true, false, false})
    EXPECT_EQ(machine.Probed(answered, kBegin), Actions{});
  EXPECT_EQ(machine.Probed(false, kBegin), Actions{Action::kStopSignal});
  EXPECT_EQ(machine.reason(), Reason::kProbeFailed);
}

TEST(Machine, NotReadyInTimeIsEndedByForceInTheEnd) {
  Service service = Plain();
  service.ready.notify = true;
  service.ready.timeout = seconds(3);
  Machine machine(service);
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  machine.Spawned(kBegin);
  EXPECT_EQ(machine.Tick(kBegin + milliseconds(2999)), Actions{});
  EXPECT_EQ(machine.Tick(kBegin + seconds(3)), Actions{Action::kStopSignal});
  EXPECT_EQ(machine.reason(), Reason::kNotReady);
  EXPECT_EQ(machine.Tick(kBegin + seconds(8)), Actions{Action::kKill});
  EXPECT_EQ(machine.Tick(kBegin + seconds(9)), Actions{Action::kKill});  // until it is gone
  Crash(machine, kBegin + seconds(9));
  EXPECT_EQ(machine.state(), State::kWaiting);
  EXPECT_EQ(machine.reason(), Reason::kNotReady);
}

TEST(Machine, WaitsGrowAndEndInACrashLoop) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  Crash(machine, kBegin);
  EXPECT_EQ(machine.state(), State::kWaiting) << "the first restart comes at once";
  for (const int wait_ms : {100, 200, 400, 800}) {
    machine.DependenciesMet(kBegin);
    machine.Spawned(kBegin);
    Crash(machine, kBegin);
    ASSERT_EQ(machine.state(), State::kBackoff);
    EXPECT_EQ(machine.deadline(), kBegin + milliseconds(wait_ms));
    EXPECT_EQ(machine.reason(), Reason::kKilled);
    machine.Tick(*machine.deadline());
    ASSERT_EQ(machine.state(), State::kWaiting);
  }
  machine.DependenciesMet(kBegin);
  machine.Spawned(kBegin);
  Crash(machine, kBegin);
  EXPECT_EQ(machine.state(), State::kFailed);
  EXPECT_EQ(machine.reason(), Reason::kCrashLoop);
  EXPECT_EQ(machine.restarts(), 5U);
  EXPECT_FALSE(machine.deadline());
  MakeReady(machine, kBegin);  // a person may start it again
}

TEST(Machine, ASteadyServiceStartsAtOnceAgain) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  Time now = kBegin;
  for (int i = 0; i < 20; ++i) {
    now += seconds(60);
    Crash(machine, now);
    ASSERT_EQ(machine.state(), State::kWaiting) << i;
    machine.DependenciesMet(now);
    machine.Spawned(now);
  }
  EXPECT_EQ(machine.restarts(), 20U);
}

TEST(Machine, StopsBySignalAndStaysDown) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  EXPECT_EQ(machine.Stop(kBegin), Actions{Action::kStopSignal});
  EXPECT_EQ(machine.Stop(kBegin), Actions{}) << "asked twice";
  EXPECT_EQ(machine.Exited(true, false, kBegin), Actions{Action::kKill});
  EXPECT_EQ(machine.state(), State::kStopping) << "its children may still run";
  machine.GroupEmpty(kBegin);
  EXPECT_EQ(machine.state(), State::kStopped);
  EXPECT_EQ(machine.reason(), Reason::kAsked);
  EXPECT_EQ(machine.restarts(), 0U);
}

TEST(Machine, AStartWhileItStopsFollows) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  machine.Stop(kBegin);
  machine.Start(kBegin);
  Crash(machine, kBegin);
  EXPECT_EQ(machine.state(), State::kWaiting);
}

TEST(Machine, RestartIsNoCrash) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(machine.Restart(kBegin), Actions{Action::kStopSignal});
    Crash(machine, kBegin);
    ASSERT_EQ(machine.state(), State::kWaiting);
    machine.DependenciesMet(kBegin);
    machine.Spawned(kBegin);
  }
  EXPECT_EQ(machine.restarts(), 0U);
}

TEST(Machine, DoorsOpenBeforeItsProgramRuns) {
  Machine machine(WithHooks());
  machine.Start(kBegin);
  EXPECT_EQ(machine.DependenciesMet(kBegin), Actions{Action::kOpen});
  EXPECT_EQ(machine.HooksDone(true, kBegin), Actions{Action::kSpawn});
  machine.Spawned(kBegin);
  EXPECT_EQ(machine.state(), State::kReady);
}

TEST(Machine, ADoorThatDoesNotOpenIsAFailedStart) {
  Machine machine(WithHooks());
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  EXPECT_EQ(machine.HooksDone(false, kBegin), Actions{});
  EXPECT_EQ(machine.reason(), Reason::kHookFailed);
  EXPECT_EQ(machine.restarts(), 1U);
}

TEST(Machine, StoppedWhileDoorsOpenItNeverStarts) {
  Machine machine(WithHooks());
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  machine.Stop(kBegin);
  EXPECT_EQ(machine.HooksDone(true, kBegin), Actions{});
  EXPECT_EQ(machine.state(), State::kStopped);
}

// Until its door is being closed.
void BeginDrain(Machine& machine, Time now) {
  machine.Start(now);
  machine.DependenciesMet(now);
  machine.HooksDone(true, now);
  machine.Spawned(now);
  ASSERT_TRUE(machine.CanDrain());
  ASSERT_EQ(machine.StartDrain(seconds(60), now), Actions{Action::kClose});
}

void DrainAt(Machine& machine, Time now) {
  BeginDrain(machine, now);
  ASSERT_EQ(machine.NoClients(now), Actions{}) << "the door is not closed yet";
  ASSERT_EQ(machine.HooksDone(true, now), Actions{});
  ASSERT_EQ(machine.state(), State::kDraining);
}

TEST(Machine, ADrainEndsWithTheLastClient) {
  Machine machine(WithHooks());
  DrainAt(machine, kBegin);
  EXPECT_TRUE(machine.IsUp());
  EXPECT_EQ(machine.Tick(kBegin + seconds(59)), Actions{});
  EXPECT_EQ(machine.NoClients(kBegin + seconds(59)), Actions{Action::kStopSignal});
  Crash(machine, kBegin + seconds(59));
  EXPECT_EQ(machine.state(), State::kStopped);
}

// Its number of clients may be told late.
TEST(Machine, ADrainDoesNotBelieveAtOnceThatThereIsNobody) {
  Machine machine(WithHooks());
  DrainAt(machine, kBegin);
  EXPECT_EQ(machine.NoClients(kBegin), Actions{});
  EXPECT_EQ(machine.NoClients(kBegin + kCountLag - milliseconds(1)), Actions{});
  EXPECT_EQ(machine.deadline(), kBegin + kCountLag);
  EXPECT_EQ(machine.Tick(kBegin + kCountLag), Actions{Action::kAskClients});
  EXPECT_EQ(machine.deadline(), kBegin + seconds(60)) << "somebody is there: they have their time";
  EXPECT_EQ(machine.NoClients(kBegin + kCountLag), Actions{Action::kStopSignal});
}

TEST(Machine, AShortDrainEndsAtItsDeadlineToo) {
  Machine machine(WithHooks());
  BeginDrain(machine, kBegin);
  machine.HooksDone(true, kBegin + seconds(57));
  EXPECT_EQ(machine.NoClients(kBegin + seconds(57)), Actions{});
  EXPECT_EQ(machine.deadline(), kBegin + seconds(60));
  EXPECT_EQ(machine.Tick(kBegin + seconds(60)), Actions{Action::kStopSignal});
}

TEST(Machine, ADrainEndsAtItsDeadlineAndNotBefore) {
  Machine machine(WithHooks());
  DrainAt(machine, kBegin);
  EXPECT_EQ(machine.Tick(kBegin + milliseconds(59'999)), Actions{});
  EXPECT_EQ(machine.Tick(kBegin + seconds(60)), Actions{Action::kStopSignal});
}

TEST(Machine, ADrainIsCalledOff) {
  Machine machine(WithHooks());
  DrainAt(machine, kBegin);
  EXPECT_EQ(machine.Resume(kBegin), Actions{Action::kOpen});
  EXPECT_EQ(machine.HooksDone(true, kBegin), Actions{});
  EXPECT_EQ(machine.state(), State::kReady);
  EXPECT_EQ(machine.Tick(kBegin + seconds(60)), Actions{});
  Crash(machine, kBegin);
  EXPECT_EQ(machine.state(), State::kWaiting) << "it is wanted again";
}

TEST(Machine, ADoorThatDoesNotCloseCallsTheDrainOff) {
  Machine machine(WithHooks());
  BeginDrain(machine, kBegin);
  machine.HooksDone(false, kBegin);
  EXPECT_EQ(machine.state(), State::kReady);
  EXPECT_EQ(machine.reason(), Reason::kHookFailed);
}

TEST(Machine, TellsClientsToMoveOnceTheDoorIsClosed) {
  Service service = WithHooks();
  service.drain.signal = SIGUSR1;
  Machine machine(service);
  BeginDrain(machine, kBegin);
  EXPECT_EQ(machine.HooksDone(true, kBegin), Actions{Action::kDrainSignal});
}

TEST(Machine, TellsTheServiceThatADrainIsCalledOff) {
  Service service = WithHooks();
  service.drain.resume_signal = SIGUSR2;
  Machine machine(service);
  DrainAt(machine, kBegin);
  EXPECT_EQ(machine.Resume(kBegin), (Actions{Action::kResumeSignal, Action::kOpen}));
}

TEST(Machine, ATaskIsDoneOnceAndNotRestarted) {
  Service service = Plain();
  service.task = true;
  Machine machine(service);
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  machine.Spawned(kBegin);
  EXPECT_EQ(machine.state(), State::kStarting);
  EXPECT_EQ(machine.Exited(true, false, kBegin), Actions{Action::kKill});
  EXPECT_EQ(machine.state(), State::kDone);
  EXPECT_TRUE(machine.IsUp());
  EXPECT_FALSE(machine.deadline());
}

TEST(Machine, AFailedTaskTriesAgain) {
  Service service = Plain();
  service.task = true;
  Machine machine(service);
  machine.Start(kBegin);
  machine.DependenciesMet(kBegin);
  machine.Spawned(kBegin);
  machine.Exited(false, false, kBegin);
  machine.GroupEmpty(kBegin);
  EXPECT_EQ(machine.state(), State::kWaiting);
  EXPECT_EQ(machine.reason(), Reason::kExited);
}

TEST(Machine, LimitsChangeWithoutARestart) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  Service service = Plain();
  service.limits.memory_bytes = 1 << 30;
  EXPECT_EQ(Compare(Plain(), service), Change::kLive);
  EXPECT_EQ(machine.Replace(service, kBegin), Actions{});
  EXPECT_EQ(machine.state(), State::kReady);
  service.limits.open_files = 7;  // set before the program runs
  EXPECT_EQ(Compare(machine.service(), service), Change::kRestart);
}

TEST(Machine, ANewFileIsOnTrialUntilItIsReady) {
  Service service = Plain();
  service.ready.notify = true;
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  EXPECT_EQ(machine.Replace(service, kBegin), Actions{Action::kStopSignal});
  Crash(machine, kBegin);
  machine.DependenciesMet(kBegin);
  machine.Spawned(kBegin);
  machine.Notified(kBegin);
  EXPECT_EQ(machine.state(), State::kReady);
  EXPECT_EQ(machine.reason(), Reason::kNone);
  Crash(machine, kBegin);  // later crashes do not bring the old file back
  EXPECT_EQ(machine.service(), service);
}

TEST(Machine, ANewFileThatFailsIsRolledBack) {
  Service bad = Plain();
  bad.ready.notify = true;
  bad.ready.timeout = seconds(1);
  for (const bool crashes : {true, false}) {
    Machine machine(Plain());
    MakeReady(machine, kBegin);
    machine.Replace(bad, kBegin);
    Crash(machine, kBegin);
    machine.DependenciesMet(kBegin);
    machine.Spawned(kBegin);
    if (!crashes) machine.Tick(kBegin + seconds(1));
    Crash(machine, kBegin + seconds(1));
    EXPECT_EQ(machine.service(), Plain());
    EXPECT_EQ(machine.state(), State::kWaiting) << "at once, it is no crash";
    machine.DependenciesMet(kBegin);
    machine.Spawned(kBegin);
    EXPECT_EQ(machine.state(), State::kReady);
    EXPECT_EQ(machine.reason(), Reason::kRolledBack);
    EXPECT_EQ(machine.restarts(), 0U);
  }
}

TEST(Machine, UnsealedIsKilledAtOnce) {
  Machine machine(Plain());
  MakeReady(machine, kBegin);
  EXPECT_EQ(machine.Unsealed(kBegin), Actions{Action::kKill});
  Crash(machine, kBegin);
  EXPECT_EQ(machine.reason(), Reason::kUnsealed);
  EXPECT_EQ(machine.state(), State::kWaiting);
}

// A world around one machine that does what it asks for, and lets things happen in any order.
class World {
 public:
  explicit World(unsigned seed) : random_(seed), machine_(ServiceOf(seed)) {}

  const Machine& machine() const { return machine_; }
  bool runs() const { return runs_; }

  void Step() {
    now_ += milliseconds(random_() % 2000);
    switch (random_() % 14) {
      case 0:
        return Take(machine_.Start(now_));
      case 1:
        return Take(machine_.Stop(now_));
      case 2:
        return Take(machine_.Restart(now_));
      case 3:
        return machine_.CanDrain() ? Take(machine_.StartDrain(seconds(3), now_)) : void();
      case 4:
        return machine_.CanResume() ? Take(machine_.Resume(now_)) : void();
      case 5:
      case 6:
        return Take(machine_.DependenciesMet(now_));
      case 7:
        return EndHooks(random_() % 4 != 0);
      case 8:
        return runs_ ? Take(machine_.Notified(now_)) : void();
      case 9:
        return EndProgram();
      case 10:
        return EmptyGroup();
      case 11:
        return runs_ ? Take(machine_.Unsealed(now_)) : void();
      case 12:
        return Take(machine_.NoClients(now_));
      default:
        return Take(machine_.Tick(now_));
    }
  }

  void StopAll() {
    Take(machine_.Stop(now_));
    EndHooks(true);
    EndProgram();
    EmptyGroup();
    Take(machine_.DependenciesMet(now_));
  }

 private:
  static Service ServiceOf(unsigned seed) {
    Service service = seed % 2 != 0 ? WithHooks() : Plain();
    service.ready.notify = seed % 3 == 0;
    service.restart.crash_limit = seed % 5 == 0 ? 3 : 0;
    return service;
  }

  void Take(const Actions& actions) {
    for (const Action action : actions) {
      if (action == Action::kOpen || action == Action::kClose) hooks_ = true;
      if (action != Action::kSpawn) continue;
      ASSERT_FALSE(runs_ || group_) << "two programs";
      runs_ = group_ = random_() % 8 != 0;
      Take(runs_ ? machine_.Spawned(now_) : machine_.SpawnFailed(Reason::kSandbox, now_));
    }
  }
  void EndHooks(bool well) {
    if (std::exchange(hooks_, false)) Take(machine_.HooksDone(well, now_));
  }
  void EndProgram() {
    if (std::exchange(runs_, false)) Take(machine_.Exited(random_() % 2 != 0, false, now_));
  }
  void EmptyGroup() {
    if (!runs_ && std::exchange(group_, false)) Take(machine_.GroupEmpty(now_));
  }

  std::mt19937 random_;
  Machine machine_;
  Time now_ = kBegin;
  bool runs_ = false;   // its program
  bool hooks_ = false;  // commands of [drain]
  bool group_ = false;  // something is in its control group
};

// Whatever comes in whatever order: one program at most, and a stop always ends stopped.
TEST(Machine, HoldsItsInvariantsUnderRandomEvents) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    World world(seed);
    for (int i = 0; i < 60; ++i) {
      world.Step();
      const State state = world.machine().state();
      const bool down =
          state == State::kStopped || state == State::kFailed || state == State::kBackoff;
      ASSERT_FALSE(down && world.runs()) << "it runs, and nobody knows";
    }
    world.StopAll();
    ASSERT_EQ(world.machine().state(), State::kStopped);
    ASSERT_FALSE(world.runs());
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lethe::supervise
