#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "base/fd.h"
#include "base/file.h"
#include "client/flow.h"
#include "leak_watch.h"

namespace lethe::lab {
namespace {

constexpr size_t kMaxLeaks = 20;
constexpr unsigned kIke = 500, kIkeBehindNat = 4500;

struct Verdict {
  bool vpn = false;
  bool harmless = false;
};

bool IsOfServer(const std::string& address) { return address == kServer4 || address == kServer6; }

// What routers say of packets that they could not deliver, about the VPN's own.
bool IsPathError(const client::Flow& flow) {
  if (flow.protocol == IPPROTO_ICMP) return flow.from_port == 3 || flow.from_port == 11;
  return flow.protocol == IPPROTO_ICMPV6 && flow.from_port >= 1 && flow.from_port <= 3;
}

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
  if (client::IsEthernetsOwn(flow) || IsPathError(flow)) return {.vpn = false, .harmless = true};
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
  Thread(Fd socket, Vpn vpn)
      : socket_(std::move(socket)), vpn_(vpn), thread_([this] { Watch(); }) {}
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
      pollfd waiting{socket_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      sockaddr_ll from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) continue;
      const client::Flow flow = client::FlowOf(
          ntohs(from.sll_protocol), std::string_view(buffer.data(), static_cast<size_t>(got)));
      const Verdict verdict = Judge(flow, vpn_);
      if (verdict.vpn) ++vpn_packets_;
      if (verdict.vpn || verdict.harmless) continue;
      const std::lock_guard lock(mutex_);
      if (leaks_.size() < kMaxLeaks) leaks_.push_back(client::ToString(flow));
    }
  }

  Fd socket_;
  Vpn vpn_;
  std::atomic<bool> ending_{false};
  std::atomic<size_t> vpn_packets_{0};
  std::mutex mutex_;
  std::vector<std::string> leaks_;
  std::thread thread_;  // last: it uses the others
};

LeakWatch::LeakWatch(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
LeakWatch::~LeakWatch() = default;

namespace {

// Empty where it is not possible.
Fd PacketSocket(const char* interface) {
  // Datagrams: the kernel takes the Ethernet header off.
  Fd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  const bool bound = address.sll_ifindex != 0 && ::bind(socket.get(), generic, sizeof address) == 0;
  return bound ? std::move(socket) : Fd();
}

}  // namespace

Result<std::unique_ptr<LeakWatch>> LeakWatch::Start(const Machine& machine, Vpn vpn) {
  Fd socket;
  machine.Inside([&] { socket = PacketSocket("eth0"); });
  if (!socket) return IoError("watching", machine.name());
  return std::unique_ptr<LeakWatch>(
      new LeakWatch(std::make_unique<Thread>(std::move(socket), vpn)));
}

Result<std::unique_ptr<LeakWatch>> LeakWatch::Start(const Cable& cable, Vpn vpn) {
  Fd socket = PacketSocket(cable.tap().c_str());
  if (!socket) return IoError("watching", cable.tap());
  return std::unique_ptr<LeakWatch>(
      new LeakWatch(std::make_unique<Thread>(std::move(socket), vpn)));
}

std::vector<std::string> LeakWatch::Leaks() { return thread_->Leaks(); }
size_t LeakWatch::vpn_packets() const { return thread_->vpn_packets(); }

}  // namespace lethe::lab
