#include "client/transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::client {

Result<SocketAddress> ParseSocketAddress(const std::string& address, unsigned port) {
  SocketAddress out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
    out.size = sizeof *v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    out.size = sizeof *v6;
  } else {
    return Error{ErrorCode::kMalformed, "'" + Printable(address) + "' is no address"};
  }
  return out;
}

Result<size_t> Fetch(const std::string& address, unsigned port, std::chrono::seconds timeout) {
  const SocketAddress to = LETHE_TRY(ParseSocketAddress(address, port));
  const Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{timeout.count(), 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), to.get(), to.size) != 0) return IoError("connecting to", address);
  size_t total = 0;
  char buffer[65536];
  while (true) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0) return IoError("reading from", address);
    if (n == 0) return total;
    total += static_cast<size_t>(n);
  }
}

}  // namespace lethe::client
