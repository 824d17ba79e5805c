#include "vm/openvpn_probe.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <thread>

#include "base/fd.h"

namespace lethe::vm {
namespace {

using std::chrono::milliseconds;

// A UDP server on loopback that answers one packet as `answer` says; "" is silence.
class FakeServer {
 public:
  explicit FakeServer(std::function<std::string(const std::string&)> answer)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer)] { ServeOnce(answer); });
  }
  ~FakeServer() { thread_.join(); }
  unsigned port() const { return port_; }

 private:
  void ServeOnce(const std::function<std::string(const std::string&)>& answer) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 5000) <= 0) return;
    char buffer[1500];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    auto* address = reinterpret_cast<sockaddr*>(&from);
    const ssize_t n = ::recvfrom(fd_.get(), buffer, sizeof buffer, 0, address, &size);
    const std::string reply = answer(std::string(buffer, static_cast<size_t>(n)));
    if (!reply.empty()) ::sendto(fd_.get(), reply.data(), reply.size(), 0, address, size);
  }

  Fd fd_;
  unsigned port_ = 0;
  std::thread thread_;
};

// P_CONTROL_HARD_RESET_SERVER_V2 that acknowledges packet 0 of the session in `packet`.
std::string ServerReset(const std::string& packet) {
  return "\x40" + std::string("SSSSSSSS") + "\x01" + std::string(4, '\0') + packet.substr(1, 8) +
         std::string(4, '\0');
}

TEST(OpenVpnAnswers, SendsAClientResetAndKnowsTheAnswer) {
  std::string seen;
  {
    FakeServer server([&](const std::string& packet) {
      seen = packet;
      return ServerReset(packet);
    });
    EXPECT_TRUE(OpenVpnAnswers(server.port(), milliseconds(5000)).value());
  }
  ASSERT_EQ(seen.size(), 14U);
  EXPECT_EQ(seen[0], '\x38');
  EXPECT_EQ(seen.substr(9), std::string(5, '\0'));
}

TEST(OpenVpnAnswers, TakesNothingElseForAnAnswer) {
  const std::function<std::string(const std::string&)> kBad[] = {
      [](const std::string&) { return ""; },
      [](const std::string& packet) { return packet; },
      [](const std::string& packet) { return ServerReset(packet).substr(0, 21); },
      [](const std::string& packet) { return "\x38" + ServerReset(packet).substr(1); },
      [](const std::string&) { return ServerReset("\x38" + std::string("otherone")); },
  };
  for (const auto& answer : kBad) {
    FakeServer server(answer);
    EXPECT_FALSE(OpenVpnAnswers(server.port(), milliseconds(200)).value());
  }
}

}  // namespace
}  // namespace lethe::vm
