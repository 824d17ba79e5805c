#include "apps/lethe-prober/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace lethe::prober {
namespace {

constexpr size_t kMaxDatagram = 65536;

socklen_t SocketAddress(const IpAddress& address, uint16_t port, sockaddr_storage& out) {
  if (address.v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, address.bytes.data(), sizeof v4->sin_addr);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  std::memcpy(&v6->sin6_addr, address.bytes.data(), sizeof v6->sin6_addr);
  return sizeof *v6;
}

bool IsTransient(int error) {
  return error == EAGAIN || error == EINTR || error == ENOBUFS || error == EMSGSIZE;
}

}  // namespace

Socket::Socket(const IpAddress& address, const Channel& channel) : stream_(channel.stream) {
  sockaddr_storage to{};
  const socklen_t size = SocketAddress(address, channel.port, to);
  const int type = stream_ ? SOCK_STREAM : SOCK_DGRAM;
  fd_ = Fd(::socket(to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) {
    Fault(errno);
  } else if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), size) != 0) {
    connecting_ = errno == EINPROGRESS;
    if (!connecting_) Fault(errno);
  }
}

void Socket::Fault(int error) {
  if (fault_ || IsTransient(error)) return;
  const bool refused = error == ECONNREFUSED;
  const bool dropped = error == ECONNRESET || error == EPIPE;
  const Reason reason = refused   ? Reason::kRefused
                        : dropped ? Reason::kHandshakeFailed
                                  : Reason::kUnreachable;
  std::string why = std::generic_category().message(error);
  std::transform(why.begin(), why.begin() + 1, why.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  fault_ = SocketFault{reason, std::move(why)};
}

void Socket::Send(std::string bytes) {
  if (!fd_) return;
  if (stream_) {
    pending_ += bytes;
    return OnWritable();
  }
  if (::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) Fault(errno);
}

void Socket::OnWritable() {
  if (connecting_) {
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
      return Fault(error);
    if (::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return;
    connecting_ = false;
  }
  if (pending_.empty()) return;
  const ssize_t sent = ::send(fd_.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL);
  if (sent < 0) return Fault(errno);
  pending_.erase(0, static_cast<size_t>(sent));
}

std::optional<std::string> Socket::Receive() {
  if (!fd_ || connecting_ || closed_) return {};
  std::string bytes(kMaxDatagram, '\0');
  const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) {
    Fault(errno);
    return {};
  }
  if (got == 0 && stream_) {
    closed_ = true;
    return {};
  }
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

}  // namespace lethe::prober
