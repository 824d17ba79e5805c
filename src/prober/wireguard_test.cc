#include "prober/wireguard.h"

#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "probe/bytes.h"
#include "probe/wireguard_handshake.h"

namespace lethe::prober {
namespace {

using crypto::Aead;
using crypto::X25519Key;
using probe::Text;

X25519Key Secret(uint8_t seed) {
  X25519Key key;
  key.fill(seed);
  return key;
}

X25519Key KeyOf(std::string_view bytes) {
  X25519Key key;
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

// A server of WireGuard as the paper describes the responder: enough to answer one initiation and
// to send an echo back.
class Server {
 public:
  explicit Server(std::array<uint8_t, 32> preshared) : preshared_(preshared) {}

  std::string Respond(const std::string& initiation) {
    const X25519Key own = Secret(2), ephemeral = Secret(9);
    probe::Noise noise;
    noise.MixHash(Text(crypto::X25519PublicKey(own)));
    const X25519Key theirs = KeyOf(initiation.substr(8, 32));
    noise.MixKey(Text(theirs));
    noise.MixHash(Text(theirs));
    crypto::Blake2sDigest key;
    noise.MixKey(Text(*crypto::X25519(own, theirs)), &key);
    const std::string sealed = initiation.substr(40, 48);
    const auto client = crypto::ChaChaPolyOpen(key, sealed, Text(noise.hash));
    if (!client) return "";
    noise.MixHash(sealed);
    noise.MixKey(Text(*crypto::X25519(own, KeyOf(*client))), &key);
    noise.MixHash(initiation.substr(88, 28));
    const std::string public_key = Text(crypto::X25519PublicKey(ephemeral));
    noise.MixKey(public_key);
    noise.MixHash(public_key);
    noise.MixKey(Text(*crypto::X25519(ephemeral, theirs)));
    noise.MixKey(Text(*crypto::X25519(ephemeral, KeyOf(*client))));
    crypto::Blake2sDigest middle;
    noise.MixKey(Text(preshared_), &middle, &key);
    noise.MixHash(Text(middle));
    std::string out("\2\0\0\0SRVR", 8);
    out += initiation.substr(4, 4) + public_key + crypto::ChaChaPolySeal(key, "", Text(noise.hash));
    index_ = initiation.substr(4, 4);
    noise.MixKey("", &send_);
    receive_ = noise.chain;
    return out + std::string(32, '\0');
  }

  // The ping's answer; "" where the packet is none of ours.
  std::string Echo(const std::string& packet) {
    const std::string nonce = std::string(4, '\0') + packet.substr(8, 8);
    auto text =
        crypto::AeadOpen({Aead::kChaCha20Poly1305, Text(receive_)}, nonce, packet.substr(16), "");
    if (!text || packet.substr(4, 4) != "SRVR") return "";
    const std::string addresses = text->substr(16, 4) + text->substr(12, 4);
    text->replace(12, 8, addresses);
    (*text)[20] = 0;
    return std::string("\4\0\0\0", 4) + index_ + std::string(8, '\0') +
           crypto::AeadSeal({Aead::kChaCha20Poly1305, Text(send_)}, std::string(12, '\0'), *text,
                            "");
  }

 private:
  std::array<uint8_t, 32> preshared_;
  std::string index_;
  std::array<uint8_t, 32> send_{}, receive_{};
};

World Numbers() {
  return {.random =
              [next = 1](size_t bytes) mutable {
                std::string out;
                while (out.size() < bytes) out += static_cast<char>(next++ * 7);
                return out;
              },
          .wall_ahead = std::chrono::hours(400'000)};
}

WireGuardCredentials Credentials(uint8_t preshared) {
  WireGuardCredentials out{.private_key = Secret(1),
                           .server_public_key = crypto::X25519PublicKey(Secret(2)),
                           .address = *IpAddress::Parse("10.0.0.2")};
  out.preshared_key.fill(preshared);
  return out;
}

std::unique_ptr<Attempt> Start(uint8_t preshared) {
  auto attempt =
      WireGuardAttempt(Credentials(preshared), 51820,
                       {RoundTrip::Kind::kPing, *IpAddress::Parse("10.0.0.1")}, Numbers());
  attempt->Begin(Time(1000));
  return attempt;
}

std::string OnlyOutput(Attempt& attempt) {
  const auto output = attempt.progress().TakeOutput();
  EXPECT_EQ(output.size(), 1U);
  return output.empty() ? "" : output[0].bytes;
}

TEST(WireGuardAttempt, IsReadyWhenTheAnswerCameThroughTheTunnel) {
  for (const uint8_t preshared : {uint8_t{0}, uint8_t{5}}) {
    std::array<uint8_t, 32> key;
    key.fill(preshared);
    Server server(key);
    const auto attempt = Start(preshared);
    attempt->Take(0, server.Respond(OnlyOutput(*attempt)), Time(3000));
    EXPECT_FALSE(attempt->progress().verdict());
    attempt->Take(0, server.Echo(OnlyOutput(*attempt)), Time(3700));
    ASSERT_TRUE(attempt->progress().verdict());
    const Verdict& verdict = *attempt->progress().verdict();
    EXPECT_EQ(verdict.reason, Reason::kReady);
    EXPECT_EQ(verdict.handshake, Time(2000));
    EXPECT_EQ(verdict.round_trip, Time(700));
  }
}

TEST(WireGuardAttempt, AResponseByAnotherPresharedKeyFails) {
  Server server({});
  const auto attempt = Start(5);
  attempt->Take(0, server.Respond(OnlyOutput(*attempt)), Time(3000));
  ASSERT_TRUE(attempt->progress().verdict());
  EXPECT_EQ(attempt->progress().verdict()->reason, Reason::kHandshakeFailed);
}

TEST(WireGuardAttempt, SendsAgainAndTakesTheAnswerToTheFirst) {
  Server server({});
  const auto attempt = Start(0);
  const std::string first = OnlyOutput(*attempt);
  EXPECT_EQ(attempt->progress().wake_at(), Time(501'000));
  attempt->Wake(Time(400'000));
  EXPECT_TRUE(attempt->progress().TakeOutput().empty());
  attempt->Wake(Time(501'000));
  const std::string second = OnlyOutput(*attempt);
  EXPECT_NE(first.substr(4, 4), second.substr(4, 4));
  EXPECT_NE(first.substr(88), second.substr(88)) << "the same time again is refused as a replay";
  EXPECT_EQ(attempt->progress().wake_at(), Time(1'501'000));
  attempt->Take(0, server.Respond(first), Time(600'000));
  EXPECT_TRUE(attempt->progress().established());
}

TEST(WireGuardAttempt, AnswersACookie) {
  Server server({});
  const auto attempt = Start(0);
  const std::string first = OnlyOutput(*attempt);
  EXPECT_EQ(first.substr(132), std::string(16, '\0'));
  const auto key = crypto::Blake2s("cookie--" + Text(crypto::X25519PublicKey(Secret(2))));
  const std::string nonce(crypto::kXChaChaNonceBytes, 'n'), cookie = "a cookie of 16 B";
  attempt->Take(0,
                std::string("\3\0\0\0", 4) + first.substr(4, 4) + nonce +
                    crypto::XChaChaPolySeal(key, nonce, cookie, first.substr(116, 16)),
                Time(2000));
  const std::string second = OnlyOutput(*attempt);
  EXPECT_EQ(second.substr(132), Text(crypto::Blake2sMac(cookie, second.substr(0, 132))));
  attempt->Take(0, server.Respond(second), Time(3000));
  EXPECT_TRUE(attempt->progress().established());
}

TEST(WireGuardAttempt, SilenceNoiseAndASilentTunnelHaveTheirReasons) {
  const auto silence = Start(0);
  silence->progress().Expire();
  EXPECT_EQ(silence->progress().verdict()->reason, Reason::kNoAnswer);
  const auto noise = Start(0);
  for (size_t size = 0; size < 200; ++size) noise->Take(0, std::string(size, '\2'), Time(2000));
  noise->progress().Expire();
  EXPECT_EQ(noise->progress().verdict()->reason, Reason::kMalformedAnswer);
  Server server({});
  const auto tunnel = Start(0);
  tunnel->Take(0, server.Respond(OnlyOutput(*tunnel)), Time(3000));
  for (size_t size = 0; size < 200; ++size) tunnel->Take(0, std::string(size, '\4'), Time(4000));
  tunnel->progress().Expire();
  EXPECT_EQ(tunnel->progress().verdict()->reason, Reason::kNoRoundTrip);
  EXPECT_EQ(tunnel->progress().verdict()->handshake, Time(2000));
}

}  // namespace
}  // namespace lethe::prober
