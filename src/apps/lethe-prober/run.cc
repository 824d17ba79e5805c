#include "apps/lethe-prober/run.h"

#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <memory>

#include "apps/lethe-prober/sockets.h"
#include "base/assert.h"

namespace lethe::prober {
namespace {

// How long a server is given to hear that we go.
constexpr Time kLeaving = std::chrono::seconds(2);
// What one turn takes from one socket: a flood does not starve the others.
constexpr int kReadsPerTurn = 64;

Time Now() {
  return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
}

std::string RandomBytes(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = ::getrandom(out.data() + done, bytes - done, 0);
    LETHE_ASSERT(got > 0);
    done += static_cast<size_t>(got);
  }
  return out;
}

}  // namespace

World TheWorld() {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto steady = std::chrono::steady_clock::now().time_since_epoch();
  return {.random = RandomBytes,
          .wall_ahead = std::chrono::duration_cast<std::chrono::nanoseconds>(wall) -
                        std::chrono::duration_cast<std::chrono::nanoseconds>(steady)};
}

namespace {

// A job with its sockets.
class Run {
 public:
  Run(Job job, Time now) : attempt_(std::move(job.attempt)), deadline_(now + job.timeout) {
    for (const Channel& channel : attempt_->channels())
      sockets_.push_back(std::make_unique<Socket>(job.address, channel));
    attempt_->Begin(now);
    Settle(now);
  }

  bool done() const { return done_; }
  const Verdict& verdict() const { return *attempt_->progress().verdict(); }

  void AddPolled(std::vector<pollfd>& polled) const {
    for (const auto& socket : sockets_) {
      const int events = POLLIN | (socket->wants_to_write() ? POLLOUT : 0);
      // A descriptor of -1 is skipped: its turn was over.
      const bool over = socket->closed() || socket->fault().has_value();
      polled.push_back({over ? -1 : socket->fd(), static_cast<int16_t>(events), 0});
    }
  }
  size_t sockets() const { return sockets_.size(); }

  Time NextWake() const {
    const auto wake = attempt_->progress().wake_at();
    return wake ? std::min(*wake, deadline_) : deadline_;
  }

  void Turn(const pollfd* polled, Time now) {
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if ((polled[i].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) sockets_[i]->OnWritable();
      if ((polled[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0) TakeAll(i, now);
    }
    const auto wake = attempt_->progress().wake_at();
    if (wake && now >= *wake) attempt_->Wake(now);
    if (now >= deadline_) {
      if (leaving_) done_ = true;
      attempt_->progress().Expire();
    }
    Settle(now);
  }

 private:
  void TakeAll(size_t channel, Time now) {
    for (int reads = 0; reads < kReadsPerTurn; ++reads) {
      const auto bytes = sockets_[channel]->Receive();
      if (!bytes) return;
      attempt_->Take(channel, *bytes, now);
    }
  }

  void Flush() {
    for (Output& output : attempt_->progress().TakeOutput())
      sockets_[output.channel]->Send(std::move(output.bytes));
  }

  // After each turn: sends, sees what became of the sockets, says goodbye where there is a verdict.
  void Settle(Time now) {
    Progress& progress = attempt_->progress();
    Flush();
    for (const auto& socket : sockets_) {
      if (socket->fault()) progress.Fail(socket->fault()->reason, socket->fault()->detail);
      if (socket->closed()) progress.Closed();
      if (leaving_ && (socket->fault() || socket->closed())) done_ = true;
    }
    if (!leaving_ && progress.verdict()) {
      leaving_ = true;
      deadline_ = now + kLeaving;
      progress.Arrived();
      attempt_->Leave(now);
      Flush();
    }
    if (!leaving_ || !attempt_->left()) return;
    done_ = done_ || std::none_of(sockets_.begin(), sockets_.end(), [](const auto& socket) {
              return socket->wants_to_write() && !socket->fault();
            });
  }

  std::unique_ptr<Attempt> attempt_;
  std::vector<std::unique_ptr<Socket>> sockets_;
  Time deadline_;
  bool leaving_ = false;
  bool done_ = false;
};

// How long poll(2) may wait, rounded up so that it does not spin.
int WaitMs(const std::vector<std::unique_ptr<Run>>& runs, Time now) {
  Time next = now + std::chrono::seconds(1);
  for (const auto& run : runs)
    if (!run->done()) next = std::min(next, run->NextWake());
  const Time wait = std::max(next - now, Time(0));
  return static_cast<int>((wait.count() + 999) / 1000);
}

}  // namespace

std::vector<Verdict> RunAll(std::vector<Job> jobs) {
  std::vector<std::unique_ptr<Run>> runs;
  for (Job& job : jobs) runs.push_back(std::make_unique<Run>(std::move(job), Now()));
  const auto running = [](const auto& run) { return !run->done(); };
  while (std::any_of(runs.begin(), runs.end(), running)) {
    std::vector<pollfd> polled;
    std::vector<Run*> turn;
    for (const auto& run : runs) {
      if (run->done()) continue;
      turn.push_back(run.get());
      run->AddPolled(polled);
    }
    (void)::poll(polled.data(), polled.size(), WaitMs(runs, Now()));
    const pollfd* at = polled.data();
    for (Run* run : turn) {
      run->Turn(at, Now());
      at += run->sockets();
    }
  }
  std::vector<Verdict> out;
  for (const auto& run : runs) out.push_back(run->verdict());
  return out;
}

Result<std::vector<Probed>> ProbeAll(const std::vector<Target>& targets) {
  char byte;
  if (::getrandom(&byte, 1, 0) != 1)
    return Error{ErrorCode::kIo, "reading random bytes: not available"};
  std::vector<Job> jobs;
  for (const Target& target : targets)
    jobs.push_back({MakeAttempt(target, TheWorld()), target.address, target.timeout});
  const auto verdicts = RunAll(std::move(jobs));
  std::vector<Probed> out;
  for (size_t i = 0; i < targets.size(); ++i) out.push_back({&targets[i], verdicts[i]});
  return out;
}

}  // namespace lethe::prober
