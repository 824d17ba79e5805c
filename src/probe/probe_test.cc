#include "probe/probe.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/hex.h"
#include "base/test_bytes.h"
#include "crypto/blake2s.h"
#include "probe/bytes.h"

namespace lethe::probe {
namespace {

Random Bytes(uint8_t seed) {
  Random random;
  for (size_t i = 0; i < random.size(); ++i) random[i] = static_cast<uint8_t>(seed + i * 7);
  return random;
}

// It is an answer, and cut at any place it is none.
void ExpectFragile(const Exchange& exchange, const std::string& answer, size_t fixed_bytes) {
  ASSERT_TRUE(exchange.is_answer(answer)) << HexEncode(answer);
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

// What strongSwan's charon 5.9.8, without a connection, sent to Ikev2(Bytes(1)): no proposal
// chosen.
constexpr std::string_view kCharonsAnswer =
    "01080f161d242b320d906bd46febe2c2292022200000000000000024000000080000000e";

TEST(Ikev2, TakesARealServersRefusal) {
  const Exchange exchange = Ikev2(Bytes(1));
  EXPECT_EQ(BigEndian(exchange.request, 24, 4), exchange.request.size());
  const std::string answer = FromHex(kCharonsAnswer);
  ExpectFragile(exchange, answer, answer.size());
  EXPECT_FALSE(exchange.is_answer(answer + "x")) << "its length is not that of the packet";
  EXPECT_FALSE(exchange.is_answer(exchange.request)) << "an echo";
  for (const size_t byte : {0, 7, 17, 18, 19, 24, 27, 30, 31}) {
    std::string other = answer;
    other[byte] = static_cast<char>(other[byte] ^ 0x28);
    EXPECT_FALSE(exchange.is_answer(other)) << byte;
  }
}

TEST(Ikev2, TakesWhatALivingServerSays) {
  const Exchange exchange = Ikev2(Bytes(1));
  std::string notify = FromHex(kCharonsAnswer);
  for (const auto& [type, taken] : std::vector<std::pair<int, bool>>{
           {7, false}, {14, true}, {17, true}, {24, false}, {16388, false}, {16390, true}}) {
    notify[34] = static_cast<char>(type >> 8);
    notify[35] = static_cast<char>(type & 0xff);
    EXPECT_EQ(exchange.is_answer(notify), taken) << type;
  }
  // One that agrees has the payloads of the request: SA, KE, nonce.
  std::string agrees = exchange.request;
  agrees.replace(8, 8, "RRRRRRRR");
  agrees[19] = 0x20;
  ExpectFragile(exchange, agrees, agrees.size());
  agrees[16] = 40;  // no SA
  EXPECT_FALSE(exchange.is_answer(agrees));
}

crypto::X25519Key Secret(uint8_t seed) {
  crypto::X25519Key key;
  key.fill(seed);
  return key;
}

const WireGuardKeys kKeys{Secret(1), crypto::X25519PublicKey(Secret(2))};

Exchange Initiation() { return *WireGuard(kKeys, Bytes(3), 1'700'000'000, 5); }

// What wireguard-go 0.0.20220316 with the secret key Secret(2) sent to Initiation().
constexpr std::string_view kWireGuardGosAnswer =
    "020000004c568977e3eaf1f88d1aa23ba6759060cfc0a3768b6ca8e75b8115fe00f5679be5a67df6562c5e7a46d5ba"
    "af3858d046e38d9a50ffdd957f5731f4fda22b35096ede2d5038ba7dda00000000000000000000000000000000";

TEST(WireGuard, SendsAnInitiation) {
  const Exchange exchange = Initiation();
  EXPECT_EQ(exchange.request.size(), 148U);
  EXPECT_EQ(exchange.request.substr(0, 4), std::string("\1\0\0\0", 4));
  EXPECT_EQ(exchange.request.substr(132), std::string(16, '\0'));
  EXPECT_FALSE(exchange.is_answer(exchange.request)) << "an echo";
}

TEST(WireGuard, TakesTheServersResponseAlone) {
  const std::string answer = FromHex(kWireGuardGosAnswer);
  ExpectFragile(Initiation(), answer, answer.size());
  EXPECT_FALSE(Initiation().is_answer(answer + "x"));
  // Type, our index, its ephemeral key but for the bit that X25519 ignores, the sealed nothing.
  for (size_t byte = 0; byte < 60; ++byte) {
    if (byte >= 1 && byte < 8) continue;  // reserved; its own index
    std::string other = answer;
    other[byte] = static_cast<char>(other[byte] ^ 1);
    EXPECT_FALSE(Initiation().is_answer(other)) << byte;
  }
  EXPECT_FALSE(WireGuard(kKeys, Bytes(3), 1'700'000'000, 6)->is_answer(answer)) << "another time";
  EXPECT_FALSE(
      WireGuard({Secret(3), kKeys.server_public}, Bytes(3), 1'700'000'000, 5)->is_answer(answer))
      << "another peer's";
}

TEST(WireGuard, TakesACookieForItsMessageAlone) {
  const Exchange exchange = Initiation();
  const std::string mac1 = exchange.request.substr(116, 16);
  const std::string nonce(crypto::kXChaChaNonceBytes, 'n');
  const auto key = crypto::Blake2s("cookie--" + Text(kKeys.server_public));
  const std::string head = std::string("\3\0\0\0", 4) + exchange.request.substr(4, 4) + nonce;
  const std::string answer = head + crypto::XChaChaPolySeal(key, nonce, "a cookie of 16 B", mac1);
  ExpectFragile(exchange, answer, answer.size());
  for (size_t byte = 4; byte < answer.size(); ++byte) {
    std::string other = answer;
    other[byte] = static_cast<char>(other[byte] ^ 1);
    EXPECT_FALSE(exchange.is_answer(other)) << byte;
  }
  EXPECT_FALSE(exchange.is_answer(
      head + crypto::XChaChaPolySeal(key, nonce, "a cookie of 16 B", "another's mac1!!")));
}

TEST(WireGuard, RefusesAServerKeyOfLowOrder) {
  EXPECT_FALSE(WireGuard({Secret(1), crypto::X25519Key{}}, Bytes(3), 1, 1));
}

}  // namespace
}  // namespace lethe::probe
