// Sends one probe of a protocol to a service on a loopback address and waits for its answer,
// without blocking.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "probe/probe.h"
#include "supervise/event_loop.h"
#include "supervise/service.h"

namespace lethe::supervise {

class ProbeRun {
 public:
  // Calls `done` once: true when the answer came, false after kTimeout or where the address
  // refuses. Ends without a call when it is destroyed.
  static constexpr std::chrono::milliseconds kTimeout{1000};
  ProbeRun(EventLoop& loop, const Probe& probe, probe::Exchange exchange,
           std::function<void(bool)> done);
  ~ProbeRun();
  ProbeRun(const ProbeRun&) = delete;
  ProbeRun& operator=(const ProbeRun&) = delete;

  // When Tick wants to be called; nothing once it is finished.
  std::optional<std::chrono::steady_clock::time_point> deadline() const {
    return done_ ? std::optional(deadline_) : std::nullopt;
  }
  void Tick();

 private:
  void Connect(const Probe& probe);
  void OnReady();
  void OnReadable();
  // After a refusal, the caller may try again after this wait, not at once.
  void Fail();
  void Finish(bool answered);

  EventLoop& loop_;
  probe::Exchange exchange_;
  std::function<void(bool)> done_;
  std::chrono::steady_clock::time_point deadline_;
  Fd socket_;
  bool sent_ = false;
  std::string received_;
};

}  // namespace lethe::supervise
