#include "probe/probe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.h"
#include "probe/bytes.h"

namespace lethe::probe {
namespace {

Random Bytes(uint8_t seed) {
  Random random;
  for (size_t i = 0; i < random.size(); ++i) random[i] = static_cast<uint8_t>(seed + i * 7);
  return random;
}

std::string Hex(std::string_view text) {
  return HexEncode({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

// Every prefix, every flipped bit: an answer is one only where the protocol leaves a byte free.
void ExpectFragile(const Exchange& exchange, const std::string& answer, size_t fixed_bytes) {
  ASSERT_TRUE(exchange.is_answer(answer)) << Hex(answer);
  for (size_t size = 0; size < fixed_bytes; ++size)
    EXPECT_FALSE(exchange.is_answer(std::string_view(answer).substr(0, size))) << size;
}

std::string ServerReset(const std::string& session) {
  return std::string(1, static_cast<char>(0x40)) + "SSSSSSSS" + '\x01' + std::string(4, '\0') +
         session + std::string(4, '\0');
}

TEST(OpenVpn, SendsAHardResetAndTakesTheServersAlone) {
  const Exchange exchange = OpenVpnUdp(Bytes(1));
  ASSERT_EQ(exchange.request.size(), 14U);
  EXPECT_EQ(exchange.request[0], 0x38);
  const std::string session = exchange.request.substr(1, 8);
  ExpectFragile(exchange, ServerReset(session), 26);
  EXPECT_FALSE(exchange.is_answer(ServerReset("another!")));
  std::string other = ServerReset(session);
  other[0] = 0x38;
  EXPECT_FALSE(exchange.is_answer(other)) << "our own opcode";
  EXPECT_FALSE(exchange.is_answer(exchange.request)) << "an echo";
}

TEST(OpenVpn, FramesOverTcp) {
  const Exchange exchange = OpenVpnTcp(Bytes(1));
  EXPECT_TRUE(exchange.stream);
  ASSERT_EQ(exchange.request.size(), 16U);
  EXPECT_EQ(BigEndian(exchange.request, 0, 2), 14U);
  const std::string reset = ServerReset(exchange.request.substr(3, 8));
  ExpectFragile(exchange, std::string("\0\x1a", 2) + reset, 28);
  EXPECT_TRUE(exchange.is_answer(std::string("\0\x1a", 2) + reset + "more of the stream"));
  EXPECT_FALSE(exchange.is_answer(std::string("\xff\xff", 2) + reset));
}

TEST(Dns, TakesAnswersToItsQuestion) {
  const Exchange exchange = Dns(Bytes(1));
  std::string answer = exchange.request;
  EXPECT_FALSE(exchange.is_answer(answer)) << "an echo is no response";
  answer[2] = static_cast<char>(0x81);
  ExpectFragile(exchange, answer, 17);
  for (const int rcode : {0, 1, 2, 3, 4, 5}) {
    answer[3] = static_cast<char>(0x80 | rcode);
    const bool taken =
        rcode == 0 || rcode == 2 || rcode == 3;  // a resolver without a root is alive
    EXPECT_EQ(exchange.is_answer(answer), taken) << rcode;
  }
  answer[3] = 0;
  answer[0] = static_cast<char>(answer[0] ^ 1);
  EXPECT_FALSE(exchange.is_answer(answer)) << "another query's";
}

TEST(Ikev2, TakesResponsesWithItsSpi) {
  const Exchange exchange = Ikev2(Bytes(1));
  EXPECT_EQ(BigEndian(exchange.request, 24, 4), exchange.request.size());
  std::string answer = exchange.request.substr(0, 8) + "RRRRRRRR";
  answer += std::string("\x29\x20\x22\x20\0\0\0\0\0\0\0\x24\0\0\0\x08\0\0\0\x0e", 20);
  ExpectFragile(exchange, answer, answer.size());
  EXPECT_FALSE(exchange.is_answer(answer + "x")) << "its length is not that of the packet";
  EXPECT_FALSE(exchange.is_answer(exchange.request)) << "an echo";
}

crypto::X25519Key Secret(uint8_t seed) {
  crypto::X25519Key key;
  key.fill(seed);
  return key;
}

TEST(WireGuard, SendsAnInitiation) {
  const WireGuardKeys keys{Secret(1), crypto::X25519PublicKey(Secret(2))};
  const auto exchange = WireGuard(keys, Bytes(3), 1'700'000'000, 5);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->request.size(), 148U);
  EXPECT_EQ(exchange->request.substr(0, 4), std::string("\1\0\0\0", 4));
  EXPECT_EQ(exchange->request.substr(132), std::string(16, '\0'));
  EXPECT_FALSE(exchange->is_answer(exchange->request)) << "an echo";
  // A response with our index that nobody with the server's key made. Real servers are asked in
  // tests/functional/vpnd_probes.
  std::string forged = std::string("\2\0\0\0", 4) + "IIII" + exchange->request.substr(4, 4);
  forged.resize(92, 'x');
  EXPECT_FALSE(exchange->is_answer(forged));
  forged.replace(12, 32, Text(crypto::X25519PublicKey(Secret(9))));
  EXPECT_FALSE(exchange->is_answer(forged));
  std::string cookie = std::string("\3\0\0\0", 4) + exchange->request.substr(4, 4);
  cookie.resize(64, 'x');
  ExpectFragile(*exchange, cookie, 64);
  cookie[5] = static_cast<char>(cookie[5] ^ 1);
  EXPECT_FALSE(exchange->is_answer(cookie)) << "another probe's";
}

TEST(WireGuard, RefusesAServerKeyOfLowOrder) {
  EXPECT_FALSE(WireGuard({Secret(1), crypto::X25519Key{}}, Bytes(3), 1, 1));
}

}  // namespace
}  // namespace lethe::probe
