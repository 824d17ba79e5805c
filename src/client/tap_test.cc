#include "client/tap.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "client/flow.h"

namespace lethe::client {
namespace {

using std::chrono::milliseconds;

// One datagram from a port of this host to the same port.
uint16_t SendToMyself() {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof own;
  auto* name = reinterpret_cast<sockaddr*>(&own);
  EXPECT_EQ(::bind(fd.get(), name, size), 0);
  EXPECT_EQ(::getsockname(fd.get(), name, &size), 0);
  EXPECT_EQ(::sendto(fd.get(), "x", 1, 0, name, size), 1);
  return ntohs(own.sin_port);
}

TEST(Tap, GivesPacketsBehindTheirEthernetHeader) {
  if (!Fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) && errno == EPERM)
    GTEST_SKIP() << "not without the right to packet sockets";
  const auto tap = Tap::Open("lo");
  ASSERT_TRUE(tap) << tap.error().message;
  const uint16_t port = SendToMyself();
  const std::string wanted =
      "udp 127.0.0.1:" + std::to_string(port) + " > 127.0.0.1:" + std::to_string(port);
  std::array<char, 128> buffer;
  std::string seen;
  while (seen != wanted) {
    const auto packet = tap->Next(buffer, milliseconds(2000));
    ASSERT_TRUE(packet) << "not seen: " << wanted;
    seen = ToString(FlowOf(packet->type, packet->bytes));
  }
}

TEST(Tap, RefusesAnInterfaceThatIsNotThere) {
  const auto tap = Tap::Open("no-such-if");
  ASSERT_FALSE(tap);
  EXPECT_EQ(tap.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace lethe::client
