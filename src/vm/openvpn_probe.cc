#include "vm/openvpn_probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"

namespace lethe::vm {

Result<bool> OpenVpnAnswers(unsigned port, std::chrono::milliseconds timeout) {
  constexpr uint8_t kClientReset = 7 << 3;  // opcode in the high five bits, key id 0
  constexpr uint8_t kServerReset = 8 << 3;
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return IoError("connecting to", "127.0.0.1");
  }
  std::array<uint8_t, 14> packet{};  // opcode, session id, no acks, packet id 0
  packet[0] = kClientReset;
  if (::getrandom(packet.data() + 1, 8, 0) != 8) return IoError("reading", "random bytes");
  (void)::send(fd.get(), packet.data(), packet.size(), 0);  // refused at first while nobody listens
  pollfd waiting{fd.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) return false;
  std::array<uint8_t, 1500> answer{};
  const ssize_t n = ::recv(fd.get(), answer.data(), answer.size(), 0);
  // The answer acknowledges packet 0 of our session id.
  return n >= 22 && answer[0] == kServerReset &&
         std::memcmp(answer.data() + 14, packet.data() + 1, 8) == 0;
}

}  // namespace lethe::vm
