// One thread's epoll(7): calls back when a descriptor is ready.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/fd.h"
#include "base/result.h"

namespace lethe::supervise {

class EventLoop {
 public:
  using Callback = std::function<void()>;
  static Result<EventLoop> Create();

  // Level-triggered; `events` of epoll_ctl(2). The descriptor stays its owner's, who removes it
  // before it is closed. A callback may add and remove any, its own too.
  Status Add(int fd, uint32_t events, Callback callback);
  void Remove(int fd);
  // Waits for one ready descriptor or until `deadline`, and calls back.
  Status Wait(std::optional<std::chrono::steady_clock::time_point> deadline);

 private:
  struct Entry {
    uint32_t generation;
    Callback callback;
  };
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  Fd epoll_;
  uint32_t generation_ = 0;  // an event of a descriptor that was removed meanwhile is dropped
  std::map<int, Entry> entries_;
};

}  // namespace lethe::supervise
