#include "vm/openvpn_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>

#include "base/fd.h"
#include "base/file.h"
#include "probe/probe.h"

namespace lethe::vm {

Result<bool> OpenVpnAnswers(unsigned port, std::chrono::milliseconds timeout) {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return IoError("connecting to", "127.0.0.1");
  }
  probe::Random random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return IoError("reading", "random bytes");
  const probe::Exchange exchange = probe::OpenVpnUdp(random);
  // Refused at first, while nobody listens.
  (void)::send(fd.get(), exchange.request.data(), exchange.request.size(), 0);
  pollfd waiting{fd.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) return false;
  std::array<char, 1500> answer{};
  const ssize_t n = ::recv(fd.get(), answer.data(), answer.size(), 0);
  return n > 0 && exchange.is_answer({answer.data(), static_cast<size_t>(n)});
}

}  // namespace lethe::vm
