#include "supervise/probe_run.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lethe::supervise {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAfterRefusal(20);
constexpr size_t kMaxAnswer = 4096;

}  // namespace

ProbeRun::ProbeRun(EventLoop& loop, const Probe& probe, probe::Exchange exchange,
                   std::function<void(bool)> done)
    : loop_(loop),
      exchange_(std::move(exchange)),
      done_(std::move(done)),
      deadline_(steady_clock::now() + kTimeout) {
  Connect(probe);
}

ProbeRun::~ProbeRun() {
  if (socket_) loop_.Remove(socket_.get());
}

void ProbeRun::Connect(const Probe& probe) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (::inet_pton(AF_INET, probe.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(probe.port);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    size = sizeof(sockaddr_in6);
    storage = {};
    if (::inet_pton(AF_INET6, probe.address.c_str(), &v6->sin6_addr) != 1) return Fail();
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(probe.port);
  }
  const int type = exchange_.stream ? SOCK_STREAM : SOCK_DGRAM;
  socket_ = Fd(::socket(storage.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return Fail();
  const auto* address = reinterpret_cast<const sockaddr*>(&storage);
  if (::connect(socket_.get(), address, size) != 0 && errno != EINPROGRESS) return Fail();
  if (!loop_.Add(socket_.get(), EPOLLOUT, [this] { OnReady(); })) Fail();
}

void ProbeRun::OnReady() {
  if (sent_) return OnReadable();
  const std::string& request = exchange_.request;
  const ssize_t sent = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return Fail();
  sent_ = true;
  loop_.Remove(socket_.get());
  if (!loop_.Add(socket_.get(), EPOLLIN, [this] { OnReady(); })) Fail();
}

void ProbeRun::OnReadable() {
  std::array<char, kMaxAnswer> buffer;
  const ssize_t received = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (received <= 0) return Fail();
  // A datagram is judged alone, a stream as far as it came.
  if (!exchange_.stream) received_.clear();
  received_.append(buffer.data(), static_cast<size_t>(received));
  if (exchange_.is_answer(received_)) return Finish(true);
  if (received_.size() > kMaxAnswer) Fail();
}

void ProbeRun::Fail() {
  if (socket_) loop_.Remove(socket_.get());
  socket_.Close();
  deadline_ = std::min(deadline_, steady_clock::now() + kAfterRefusal);
}

void ProbeRun::Tick() {
  if (steady_clock::now() >= deadline_) Finish(false);
}

void ProbeRun::Finish(bool answered) {
  if (socket_) loop_.Remove(socket_.get());
  socket_.Close();
  if (!done_) return;
  const auto done = std::move(done_);
  done_ = nullptr;
  done(answered);  // may destroy this
}

}  // namespace lethe::supervise
