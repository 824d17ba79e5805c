#include "supervise/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/file.h"

namespace lethe::supervise {

using std::chrono::steady_clock;

Result<EventLoop> EventLoop::Create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return IoError("making", "an epoll");
  return EventLoop(std::move(epoll));
}

Status EventLoop::Add(int fd, uint32_t events, Callback callback) {
  epoll_event event{.events = events, .data = {}};
  event.data.u64 = uint64_t{++generation_} << 32 | static_cast<uint32_t>(fd);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return IoError("watching", "descriptor " + std::to_string(fd));
  entries_[fd] = {generation_, std::move(callback)};
  return {};
}

void EventLoop::Remove(int fd) {
  if (entries_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Status EventLoop::Wait(std::optional<steady_clock::time_point> deadline) {
  int timeout_ms = -1;
  if (deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - steady_clock::now());
    timeout_ms = static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
  }
  std::array<epoll_event, 32> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  if (ready < 0) return errno == EINTR ? Status() : IoError("waiting for", "events");
  for (int i = 0; i < ready; ++i) {
    const uint64_t key = events[static_cast<size_t>(i)].data.u64;
    const auto it = entries_.find(static_cast<int>(key & 0xffffffff));
    if (it == entries_.end() || it->second.generation != key >> 32) continue;
    const Callback callback = it->second.callback;  // it may remove itself
    callback();
  }
  return {};
}

}  // namespace lethe::supervise
