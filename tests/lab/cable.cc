#include "cable.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <queue>
#include <thread>

#include "base/fd.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace lethe::lab {
namespace {

using Clock = std::chrono::steady_clock;

Result<Fd> OpenTap(const std::string& name) {
  Fd tap = LETHE_TRY(OpenFile("/dev/net/tun", O_RDWR | O_NONBLOCK));
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) return IoError("making", name);
  return tap;
}

sockaddr_in Loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// A socket on a free port of loopback.
Result<Fd> FreeSocket(unsigned& port) {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in own = Loopback(0);
  socklen_t size = sizeof own;
  auto* generic = reinterpret_cast<sockaddr*>(&own);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0)
    return IoError("opening", "a socket for frames");
  port = ntohs(own.sin_port);
  return fd;
}

struct OnItsWay {
  Clock::time_point due;
  uint64_t number;  // keeps the order of those that are due at the same time
  bool to_guest;
  std::string frame;
  bool operator>(const OnItsWay& other) const {
    return due != other.due ? due > other.due : number > other.number;
  }
};

}  // namespace

class Cable::Thread {
 public:
  Thread(Fd tap, Fd socket)
      : tap_(std::move(tap)), socket_(std::move(socket)), thread_([this] { Run(); }) {}
  ~Thread() {
    ending_ = true;
    thread_.join();
  }

  void Impair(const Impairment& impairment, uint32_t seed) {
    const std::lock_guard lock(mutex_);
    from_guest_ = Impairer(impairment, seed);
    to_guest_ = Impairer(impairment, seed + 1);
  }
  void Record(size_t most) {
    const std::lock_guard lock(mutex_);
    recorded_.clear();
    most_recorded_ = most;
  }
  std::vector<std::string> Recorded() {
    const std::lock_guard lock(mutex_);
    return recorded_;
  }
  void Inject(const std::string& frame) { Deliver(false, frame); }

 private:
  void Run() {
    while (!ending_) {
      pollfd waiting[] = {{tap_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}};
      (void)::poll(waiting, 2, MillisecondsToNext());
      const std::lock_guard lock(mutex_);
      Take(tap_.get(), true, to_guest_);
      Take(socket_.get(), false, from_guest_);
      while (!queue_.empty() && queue_.top().due <= Clock::now()) {
        Deliver(queue_.top().to_guest, queue_.top().frame);
        queue_.pop();
      }
    }
  }

  int MillisecondsToNext() {
    constexpr int kMost = 20;  // to see that it ends
    if (queue_.empty()) return kMost;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(queue_.top().due - Clock::now());
    return static_cast<int>(std::clamp<int64_t>(left.count(), 0, kMost));
  }

  void Take(int fd, bool to_guest, Impairer& impairer) {
    std::array<char, 65536> buffer;
    for (int burst = 0; burst < 64; ++burst) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got <= 0) return;
      const std::string frame(buffer.data(), static_cast<size_t>(got));
      if (!to_guest && recorded_.size() < most_recorded_) recorded_.push_back(frame);
      for (const auto delay : impairer.Fate(frame.size())) {
        if (delay.count() == 0) {
          Deliver(to_guest, frame);
        } else {
          queue_.push({Clock::now() + delay, number_++, to_guest, frame});
        }
      }
    }
  }

  // What the other side has no room for is lost, as on a real cable.
  void Deliver(bool to_guest, const std::string& frame) {
    (void)!::write((to_guest ? socket_ : tap_).get(), frame.data(), frame.size());
  }

  Fd tap_, socket_;
  std::atomic<bool> ending_{false};
  std::mutex mutex_;
  Impairer from_guest_{{}, 0}, to_guest_{{}, 0};
  std::priority_queue<OnItsWay, std::vector<OnItsWay>, std::greater<>> queue_;
  uint64_t number_ = 0;
  std::vector<std::string> recorded_;
  size_t most_recorded_ = 0;
  std::thread thread_;  // last: it uses the others
};

Cable::Cable(std::string tap, unsigned guest_port, unsigned port, std::unique_ptr<Thread> thread)
    : tap_(std::move(tap)), guest_port_(guest_port), port_(port), thread_(std::move(thread)) {}
Cable::~Cable() = default;

Result<std::unique_ptr<Cable>> Cable::Lay(const std::string& tap, const std::string& bridge) {
  unsigned guest_port = 0, port = 0;
  Fd socket = LETHE_TRY(FreeSocket(port));
  {
    const Fd guest = LETHE_TRY(FreeSocket(guest_port));  // QEMU takes the port that is free then
  }
  const sockaddr_in guest = Loopback(guest_port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&guest), sizeof guest) != 0)
    return IoError("connecting", tap);
  Fd device = LETHE_TRY(OpenTap(tap));
  (void)LETHE_TRY(RunChecked(
      {.argv = {"ip", "-batch", "-"}, .input = "link set " + tap + " master " + bridge + " up\n"}));
  return std::unique_ptr<Cable>(new Cable(
      tap, guest_port, port, std::make_unique<Thread>(std::move(device), std::move(socket))));
}

void Cable::Impair(const Impairment& impairment, uint32_t seed) {
  thread_->Impair(impairment, seed);
}
void Cable::Record(size_t most) { thread_->Record(most); }
std::vector<std::string> Cable::Recorded() { return thread_->Recorded(); }
void Cable::Inject(const std::string& frame) { thread_->Inject(frame); }

}  // namespace lethe::lab
