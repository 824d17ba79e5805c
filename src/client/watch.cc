#include "client/watch.h"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "client/tap.h"

namespace lethe::client {
namespace {

constexpr std::chrono::milliseconds kPause(50);  // at most, until it is seen that it ends

}  // namespace

class Watch::Thread {
 public:
  explicit Thread(Tap tap) : tap_(std::move(tap)), thread_([this] { Run(); }) {}
  ~Thread() {
    ending_ = true;
    thread_.join();
  }

  std::map<Flow, uint64_t> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(flows_, {});
  }

 private:
  void Run() {
    std::array<char, 128> headers;
    while (!ending_) {
      if (const auto packet = tap_.Next(headers, kPause))
        Count(FlowOf(packet->type, packet->bytes));
    }
  }

  void Count(const Flow& flow) {
    const std::lock_guard lock(mutex_);
    const bool room = flows_.size() < kMaxFlows || flows_.contains(flow);
    ++flows_[room ? flow : Flow()];
  }

  Tap tap_;
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::map<Flow, uint64_t> flows_;
  std::thread thread_;  // last: it uses the others
};

Watch::Watch(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
Watch::~Watch() = default;

Result<std::unique_ptr<Watch>> Watch::Start(const std::string& interface) {
  return std::unique_ptr<Watch>(
      new Watch(std::make_unique<Thread>(LETHE_TRY(Tap::Open(interface)))));
}

std::map<Flow, uint64_t> Watch::Take() { return thread_->Take(); }

}  // namespace lethe::client
