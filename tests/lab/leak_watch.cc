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
#include "wire.h"

namespace lethe::lab {
namespace {

constexpr size_t kMaxLeaks = 20;

struct Packet {
  std::string_view bytes;  // without the Ethernet header
  uint16_t type;

  unsigned At(size_t i) const {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  }
  unsigned Port(size_t i) const { return At(i) << 8 | At(i + 1); }
};

std::string AddressAt(const Packet& packet, int family, size_t at) {
  char text[INET6_ADDRSTRLEN] = {};
  const size_t size = family == AF_INET ? 4 : 16;
  if (packet.bytes.size() >= at + size)
    ::inet_ntop(family, packet.bytes.data() + at, text, sizeof text);
  return text;
}

struct Verdict {
  bool vpn = false;
  bool ethernet = false;
  std::string text;
};

Verdict Judge(const Packet& packet, unsigned vpn_port) {
  if (packet.type == ETH_P_ARP) return {.vpn = false, .ethernet = true, .text = "ARP"};
  const bool v4 = packet.type == ETH_P_IP;
  if (!v4 && packet.type != ETH_P_IPV6)
    return {.vpn = false, .ethernet = false, .text = "type " + std::to_string(packet.type)};
  const int family = v4 ? AF_INET : AF_INET6;
  const size_t header = v4 ? (packet.At(0) & 15) * 4 : 40;
  const unsigned protocol = packet.At(v4 ? 9 : 6);
  const std::string from = AddressAt(packet, family, v4 ? 12 : 8);
  const std::string to = AddressAt(packet, family, v4 ? 16 : 24);
  const std::string server = v4 ? kServer4 : kServer6;
  const unsigned source = packet.Port(header), target = packet.Port(header + 2);
  Verdict out;
  out.text = "protocol " + std::to_string(protocol) + " " + from + " port " +
             std::to_string(source) + " to " + to + " port " + std::to_string(target);
  const bool ported = protocol == IPPROTO_UDP || protocol == IPPROTO_TCP;
  out.vpn =
      ported && ((to == server && target == vpn_port) || (from == server && source == vpn_port));
  // Router and neighbour discovery; reports of groups come behind an option header (protocol 0).
  const unsigned type = packet.At(header);
  out.ethernet = !v4 && ((protocol == IPPROTO_ICMPV6 && type >= 133 && type <= 136) ||
                         (protocol == 0 && to.starts_with("ff02:")));
  return out;
}

}  // namespace

class LeakWatch::Thread {
 public:
  Thread(Fd socket, unsigned vpn_port)
      : socket_(std::move(socket)), vpn_port_(vpn_port), thread_([this] { Watch(); }) {}
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
      const Verdict verdict = Judge(
          {std::string_view(buffer.data(), static_cast<size_t>(got)), ntohs(from.sll_protocol)},
          vpn_port_);
      if (verdict.vpn) ++vpn_packets_;
      if (verdict.vpn || verdict.ethernet) continue;
      const std::lock_guard lock(mutex_);
      if (leaks_.size() < kMaxLeaks) leaks_.push_back(verdict.text);
    }
  }

  Fd socket_;
  unsigned vpn_port_;
  std::atomic<bool> ending_{false};
  std::atomic<size_t> vpn_packets_{0};
  std::mutex mutex_;
  std::vector<std::string> leaks_;
  std::thread thread_;  // last: it uses the others
};

LeakWatch::LeakWatch(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
LeakWatch::~LeakWatch() = default;

Result<std::unique_ptr<LeakWatch>> LeakWatch::Start(const Machine& machine, unsigned vpn_port) {
  Fd socket;
  bool bound = false;
  machine.Inside([&] {
    // Datagrams: the kernel takes the Ethernet header off.
    socket = Fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
    bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  });
  if (!bound) return IoError("watching", machine.name());
  return std::unique_ptr<LeakWatch>(
      new LeakWatch(std::make_unique<Thread>(std::move(socket), vpn_port)));
}

std::vector<std::string> LeakWatch::Leaks() { return thread_->Leaks(); }
size_t LeakWatch::vpn_packets() const { return thread_->vpn_packets(); }

}  // namespace lethe::lab
