#include "client/watch.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "base/fd.h"
#include "base/file.h"

namespace lethe::client {

class Watch::Thread {
 public:
  explicit Thread(Fd socket) : socket_(std::move(socket)), thread_([this] { Run(); }) {}
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
      pollfd waiting{socket_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 50) <= 0) continue;
      sockaddr_ll from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_.get(), headers.data(), headers.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) continue;
      const std::string_view packet(headers.data(), static_cast<size_t>(got));
      Count(FlowOf(ntohs(from.sll_protocol), packet));
    }
  }

  void Count(const Flow& flow) {
    const std::lock_guard lock(mutex_);
    const bool room = flows_.size() < kMaxFlows || flows_.contains(flow);
    ++flows_[room ? flow : Flow()];
  }

  Fd socket_;
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  std::map<Flow, uint64_t> flows_;
  std::thread thread_;  // last: it uses the others
};

Watch::Watch(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
Watch::~Watch() = default;

Result<std::unique_ptr<Watch>> Watch::Start(const std::string& interface) {
  // Datagrams: the kernel takes the Ethernet header off.
  Fd socket(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (address.sll_ifindex == 0 || ::bind(socket.get(), generic, sizeof address) != 0)
    return IoError("watching", interface);
  return std::unique_ptr<Watch>(new Watch(std::make_unique<Thread>(std::move(socket))));
}

std::map<Flow, uint64_t> Watch::Take() { return thread_->Take(); }

}  // namespace lethe::client
