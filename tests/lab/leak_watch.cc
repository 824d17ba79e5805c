#include <netinet/in.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "client/flow.h"
#include "client/tap.h"
#include "leak_watch.h"

namespace lethe::lab {
namespace {

constexpr size_t kMaxLeaks = 20;
constexpr std::chrono::milliseconds kPause(50);  // at most, until it is seen that it ends
constexpr unsigned kIke = 500, kIkeBehindNat = 4500;

struct Verdict {
  bool vpn = false;
  bool harmless = false;
};

bool IsOfServer(const std::string& address) { return address == kServer4 || address == kServer6; }

// The server's, for a client that has just gone: encrypted, whatever it is.
bool IsLateAnswer(const client::Flow& flow) {
  if (!IsOfServer(flow.from)) return false;
  for (const Vpn vpn : {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp, Vpn::kWireGuard}) {
    if (flow.protocol == static_cast<unsigned>(ProtocolOf(vpn)) && flow.from_port == PortOf(vpn))
      return true;
  }
  return flow.protocol == IPPROTO_ESP ||
         (flow.protocol == IPPROTO_UDP &&
          (flow.from_port == kIke || flow.from_port == kIkeBehindNat));
}

Verdict Judge(const client::Flow& flow, Vpn vpn) {
  if (client::IsEthernetsOwn(flow) || client::IsPathError(flow))
    return {.vpn = false, .harmless = true};
  const bool to_server = IsOfServer(flow.to);
  if (!to_server && !IsOfServer(flow.from)) return {};
  const unsigned port = to_server ? flow.to_port : flow.from_port;
  const bool fragment = flow.protocol == IPPROTO_FRAGMENT;
  const int protocol = fragment ? ProtocolOf(vpn) : static_cast<int>(flow.protocol);
  // A later piece of a datagram has no port.
  const bool piece = fragment || (flow.from_port == 0 && port == 0);
  if (IsIpsec(vpn)) {
    const bool ike = protocol == IPPROTO_UDP && (piece || port == kIke || port == kIkeBehindNat);
    return {.vpn = ike || protocol == IPPROTO_ESP, .harmless = IsLateAnswer(flow)};
  }
  return {.vpn = protocol == ProtocolOf(vpn) && (piece || port == PortOf(vpn)),
          .harmless = IsLateAnswer(flow)};
}

}  // namespace

class LeakWatch::Thread {
 public:
  Thread(client::Tap tap, Vpn vpn)
      : tap_(std::move(tap)), vpn_(vpn), thread_([this] { Watch(); }) {}
  ~Thread() {
    ending_ = true;
    thread_.join();
  }

  std::vector<std::string> Leaks() {
    const std::lock_guard lock(mutex_);
    return leaks_;
  }
  size_t vpn_packets() const { return vpn_packets_; }

 private:
  void Watch() {
    std::array<char, 65536> buffer;
    while (!ending_) {
      const auto packet = tap_.Next(buffer, kPause);
      if (!packet) continue;
      const client::Flow flow = client::FlowOf(packet->type, packet->bytes);
      const Verdict verdict = Judge(flow, vpn_);
      if (verdict.vpn) ++vpn_packets_;
      if (verdict.vpn || verdict.harmless) continue;
      const std::lock_guard lock(mutex_);
      if (leaks_.size() < kMaxLeaks) leaks_.push_back(client::ToString(flow));
    }
  }

  client::Tap tap_;
  Vpn vpn_;
  std::atomic<bool> ending_{false};
  std::atomic<size_t> vpn_packets_{0};
  std::mutex mutex_;
  std::vector<std::string> leaks_;
  std::thread thread_;  // last: it uses the others
};

LeakWatch::LeakWatch(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
LeakWatch::~LeakWatch() = default;

Result<std::unique_ptr<LeakWatch>> LeakWatch::Start(const Machine& machine, Vpn vpn) {
  Result<client::Tap> tap = Error{ErrorCode::kIo, "not opened"};
  machine.Inside([&] { tap = client::Tap::Open("eth0"); });
  if (!tap) return tap.error().In(machine.name());
  return std::unique_ptr<LeakWatch>(new LeakWatch(std::make_unique<Thread>(std::move(*tap), vpn)));
}

Result<std::unique_ptr<LeakWatch>> LeakWatch::Start(const Cable& cable, Vpn vpn) {
  return std::unique_ptr<LeakWatch>(
      new LeakWatch(std::make_unique<Thread>(LETHE_TRY(client::Tap::Open(cable.tap())), vpn)));
}

std::vector<std::string> LeakWatch::Leaks() { return thread_->Leaks(); }
size_t LeakWatch::vpn_packets() const { return thread_->vpn_packets(); }

}  // namespace lethe::lab
