#include <gtest/gtest.h>

#include "base/test_bytes.h"
#include "crypto/mac.h"
#include "probe/bytes.h"
#include "prober/ikev1.h"
#include "prober/ikev1_keys.h"
#include "prober/ikev1_payloads.h"
#include "prober/l2tp.h"
#include "prober/l2tp_ipsec.h"
#include "prober/ppp.h"

namespace lethe::prober {
namespace {

const World kWorld{.random = [](size_t bytes) { return std::string(bytes, 'r'); }};

// A control message of the server's: tunnel 7, its number, ours acknowledged, attributes.
std::string Control(uint16_t number, uint16_t acknowledges, const std::string& attributes,
                    uint16_t tunnel = 7) {
  std::string out = FromHex("c802");
  for (const uint64_t value : {uint64_t{12 + attributes.size()}, uint64_t{tunnel}, uint64_t{0},
                               uint64_t{number}, uint64_t{acknowledges}})
    probe::AppendBigEndian(out, value, 2);
  return out + attributes;
}

std::string Avp(uint16_t type, uint16_t value) {
  std::string out = FromHex("80080000");
  probe::AppendBigEndian(out, type, 2);
  probe::AppendBigEndian(out, value, 2);
  return out;
}

// Type of a message that we sent; 0 for an acknowledgement.
uint64_t TypeOf(const std::string& message) {
  return message.size() == 12 ? 0 : probe::BigEndian(message, 18, 2);
}

std::vector<uint64_t> Types(l2tp::Tunnel& tunnel) {
  std::vector<uint64_t> out;
  for (const std::string& message : tunnel.TakeOutput()) out.push_back(TypeOf(message));
  return out;
}

l2tp::Tunnel Opened() {
  l2tp::Tunnel tunnel(7, 9);
  tunnel.Open();
  EXPECT_EQ(Types(tunnel), (std::vector<uint64_t>{1}));
  EXPECT_TRUE(tunnel.Take(Control(0, 1, Avp(0, 2) + Avp(9, 70))));
  EXPECT_EQ(Types(tunnel), (std::vector<uint64_t>{3, 10}));
  EXPECT_TRUE(tunnel.Take(Control(1, 3, Avp(0, 11) + Avp(14, 90))));
  EXPECT_EQ(Types(tunnel), (std::vector<uint64_t>{12}));
  EXPECT_EQ(tunnel.state(), l2tp::Tunnel::State::kOpen);
  EXPECT_EQ(tunnel.Unacknowledged().size(), 1U);
  EXPECT_TRUE(tunnel.Take(Control(2, 4, "")));
  EXPECT_TRUE(tunnel.all_acknowledged());
  EXPECT_TRUE(Types(tunnel).empty()) << "an acknowledgement is not acknowledged";
  return tunnel;
}

TEST(L2tpTunnel, OpensAndCloses) {
  l2tp::Tunnel tunnel = Opened();
  tunnel.Close();
  EXPECT_EQ(Types(tunnel), (std::vector<uint64_t>{4}));
  EXPECT_FALSE(tunnel.all_acknowledged());
  EXPECT_TRUE(tunnel.Take(Control(2, 5, "")));
  EXPECT_TRUE(tunnel.all_acknowledged());
}

TEST(L2tpTunnel, TakesEachMessageOnceAndAcknowledgesItAgain) {
  l2tp::Tunnel tunnel(7, 9);
  tunnel.Open();
  (void)tunnel.TakeOutput();
  const std::string answer = Control(0, 1, Avp(0, 2) + Avp(9, 70));
  EXPECT_TRUE(tunnel.Take(answer));
  (void)tunnel.TakeOutput();
  EXPECT_TRUE(tunnel.Take(answer));
  EXPECT_EQ(Types(tunnel), (std::vector<uint64_t>{0}));
  EXPECT_TRUE(tunnel.Take(Control(5, 1, Avp(0, 4)))) << "early: not taken";
  EXPECT_NE(tunnel.state(), l2tp::Tunnel::State::kClosed);
}

TEST(L2tpTunnel, IsClosedByTheServerWithItsResult) {
  for (const uint16_t type : {uint16_t{4}, uint16_t{14}}) {
    l2tp::Tunnel tunnel = Opened();
    EXPECT_TRUE(tunnel.Take(Control(2, 4, Avp(0, type) + Avp(1, 6))));
    EXPECT_EQ(tunnel.state(), l2tp::Tunnel::State::kClosed);
    EXPECT_EQ(tunnel.result(), 6);
  }
}

TEST(L2tpTunnel, TakesNothingThatIsCutOrAnothers) {
  const std::string answer = Control(0, 1, Avp(0, 2) + Avp(9, 70));
  for (size_t size = 0; size < answer.size(); ++size) {
    l2tp::Tunnel tunnel(7, 9);
    tunnel.Open();
    EXPECT_FALSE(tunnel.Take(answer.substr(0, size))) << size;
  }
  l2tp::Tunnel tunnel(7, 9);
  EXPECT_FALSE(tunnel.Take(Control(0, 1, Avp(0, 2), 8)));
  EXPECT_FALSE(tunnel.Take(FromHex("c8030014") + std::string(16, '\0'))) << "version 3";
  EXPECT_TRUE(tunnel.Take(Control(0, 0, FromHex("8003"))));
  EXPECT_EQ(tunnel.state(), l2tp::Tunnel::State::kClosed) << "attributes that are none";
}

TEST(L2tpTunnel, UnwrapsDataInEachForm) {
  l2tp::Tunnel tunnel = Opened();
  for (const char* head : {"000200070009", "4002000b00070009", "080200070009aaaabbbb",
                           "02020007000900010c", "4a02001300070009aaaabbbb00020c0c"}) {
    EXPECT_TRUE(tunnel.Take(FromHex(head) + "abc")) << head;
    EXPECT_EQ(tunnel.TakeFrames(), std::vector<std::string>{"abc"}) << head;
  }
  for (const char* bad :
       {"0002", "000200080009", "0002000700", "400200ff00070009", "020200070009ffff"}) {
    EXPECT_FALSE(tunnel.Take(FromHex(bad))) << bad;
  }
  EXPECT_EQ(tunnel.Wrap("x"), FromHex("00020046005a") + "x");
}

// Frames of PPP with address and control.
std::string Frame(const char* protocol, const std::string& packet) {
  return FromHex("ff03") + FromHex(protocol) + packet;
}
std::string Packet(uint8_t code, uint8_t id, const std::string& data) {
  std::string out;
  probe::AppendBigEndian(out, code, 1);
  probe::AppendBigEndian(out, id, 1);
  probe::AppendBigEndian(out, 4 + data.size(), 2);
  return out + data;
}

class PppTest : public ::testing::Test {
 protected:
  PppTest() { EXPECT_EQ(Sent(), Frame("c021", Packet(1, 1, FromHex("0506") + "rrrr"))); }

  std::string Sent() {
    const auto output = ppp_.TakeOutput();
    EXPECT_LE(output.size(), 1U);
    return output.empty() ? "" : output[0];
  }
  void Lcp(uint8_t code, uint8_t id, const std::string& data) {
    ppp_.Take(Frame("c021", Packet(code, id, data)));
  }
  // The link is open with that algorithm.
  void OpenLink(const char* authentication, uint8_t request = 1) {
    const std::string options = FromHex("01040578") + FromHex(authentication);
    Lcp(1, 5, options);
    EXPECT_EQ(Sent(), Frame("c021", Packet(2, 5, options)));
    Lcp(2, request, FromHex("0506") + "rrrr");
    EXPECT_EQ(ppp_.state(), Ppp::State::kAuthentication);
  }

  Ppp ppp_{"User", "clientPass", kWorld};
};

TEST_F(PppTest, ComesUpWithMsChap) {
  OpenLink("0305c22381");
  const std::string challenge(16, 'c');
  ppp_.Take(Frame("c223", Packet(1, 3, "\x10" + challenge + "srv")));
  const auto chap = crypto::MsChap::Make({.user = "User",
                                          .password = "clientPass",
                                          .authenticator_challenge = challenge,
                                          .peer_challenge = std::string(16, 'r')});
  EXPECT_EQ(Sent(), Frame("c223", Packet(2, 3,
                                         "1" + std::string(16, 'r') + std::string(8, '\0') +
                                             chap->nt_response() + '\0' + "User")));
  ppp_.Take(Frame("c223", Packet(3, 3, chap->authenticator_response() + " M=ok")));
  EXPECT_EQ(ppp_.state(), Ppp::State::kNetwork);
  EXPECT_EQ(Sent(), Frame("8021", Packet(1, 1, FromHex("030600000000"))));
  ppp_.Take(Frame("8021", Packet(3, 1, FromHex("03060a000005"))));
  EXPECT_EQ(Sent(), Frame("8021", Packet(1, 2, FromHex("03060a000005"))));
  ppp_.Take(Frame("8021", Packet(1, 8, FromHex("03060a000001"))));
  EXPECT_EQ(Sent(), Frame("8021", Packet(2, 8, FromHex("03060a000001"))));
  ppp_.Take(Frame("8021", Packet(2, 2, FromHex("03060a000005"))));
  EXPECT_EQ(ppp_.state(), Ppp::State::kUp);
  EXPECT_EQ(ppp_.address(), IpAddress::Parse("10.0.0.5"));
}

TEST_F(PppTest, AServerThatDoesNotKnowThePasswordIsAnImpostor) {
  OpenLink("0305c22381");
  ppp_.Take(Frame("c223", Packet(1, 3, "\x10" + std::string(16, 'c') + "srv")));
  ppp_.Take(Frame("c223", Packet(3, 3, "S=" + std::string(40, '0'))));
  EXPECT_EQ(ppp_.state(), Ppp::State::kImpostor);
}

TEST_F(PppTest, AnswersChapWithMd5) {
  OpenLink("0305c22305");
  ppp_.Take(Frame("c223", Packet(1, 3, std::string("\4abcd", 5) + "srv")));
  EXPECT_EQ(Sent(),
            Frame("c223", Packet(2, 3,
                                 "\x10" + crypto::Digest(crypto::Hash::kMd5, "\3clientPassabcd") +
                                     "User")));
  ppp_.Take(Frame("c223", Packet(4, 3, "no")));
  EXPECT_EQ(ppp_.state(), Ppp::State::kRefused);
}

TEST_F(PppTest, TakesNoPasswordInClearAndNothingThatItDoesNotKnow) {
  Lcp(1, 5, FromHex("0304c023"));
  EXPECT_EQ(Sent(), Frame("c021", Packet(3, 5, FromHex("0305c22381"))));
  Lcp(1, 6, FromHex("0104057807020802"));
  EXPECT_EQ(Sent(), Frame("c021", Packet(4, 6, FromHex("07020802"))));
  Lcp(1, 7, FromHex("0305c2238107"));  // cut
  EXPECT_EQ(Sent(), "");
  Lcp(4, 1, FromHex("0506") + "rrrr");  // ours is refused
  EXPECT_EQ(Sent(), Frame("c021", Packet(1, 2, "")));
  OpenLink("0305c22381", 2);
  ppp_.Take(Frame("80fd", Packet(1, 1, "")));
  EXPECT_EQ(Sent(), Frame("c021", Packet(8, 3, FromHex("80fd") + Packet(1, 1, ""))));
  Lcp(9, 4, std::string(4, 'x') + "hi");
  EXPECT_EQ(Sent(), Frame("c021", Packet(10, 4, "rrrrhi")));
  Lcp(5, 6, "");
  EXPECT_EQ(Sent(), Frame("c021", Packet(6, 6, "")));
  EXPECT_EQ(ppp_.state(), Ppp::State::kEnded);
}

TEST_F(PppTest, DoesNotGoRoundForEver) {
  for (int i = 0; i < 50; ++i) {
    ppp_.Again();
    (void)ppp_.TakeOutput();
  }
  EXPECT_EQ(ppp_.state(), Ppp::State::kEnded);
}

TEST(Ppp, WrapsIp) {
  EXPECT_EQ(Ppp::UnwrapIp(Ppp::WrapIp("packet")), "packet");
  EXPECT_EQ(Ppp::UnwrapIp("\x21packet"), "packet");
  EXPECT_EQ(Ppp::UnwrapIp(Frame("c021", "")), std::nullopt);
  EXPECT_EQ(Ppp::UnwrapIp(""), std::nullopt);
}

std::vector<ike::Suite> Suites(std::vector<std::string_view> names, bool esp) {
  std::vector<ike::Suite> out;
  for (const auto name : names)
    out.push_back(esp ? *ike::ParseEspSuite(name) : *ike::ParseIkeSuite(name));
  return out;
}

TEST(Sa1, TakesExactlyOneOfWhatWasOffered) {
  for (const bool esp : {false, true}) {
    const auto offered = esp ? Suites({"aes256-sha256", "aes128-sha1", "aes256-sha512"}, true)
                             : Suites({"aes256-sha256-modp2048", "aes128-sha1-ecp256"}, false);
    const std::string spi = esp ? "SPI!" : "";
    EXPECT_FALSE(ike::ReadSa1(ike::FormatSa1(spi, offered), spi.size(), offered)) << "all";
    for (size_t i = 0; i < offered.size(); ++i) {
      std::string answer = ike::FormatSa1(spi, {offered[i]});
      const size_t number = 8 + 8 + spi.size() + 4;
      EXPECT_EQ(ike::ReadSa1(answer, spi.size(), offered).has_value(), i == 0) << "by its number";
      answer[number] = static_cast<char>(i + 1);
      const auto chosen = ike::ReadSa1(answer, spi.size(), offered);
      ASSERT_TRUE(chosen);
      EXPECT_EQ(chosen->suite, offered[i]);
      EXPECT_EQ(chosen->spi, spi);
      for (size_t size = 0; size < answer.size(); ++size)
        EXPECT_FALSE(ike::ReadSa1(answer.substr(0, size), spi.size(), offered)) << size;
    }
  }
}

TEST(Phase1Keys, ALongerKeyThanTheHashIsDrawnOut) {
  for (const char* name : {"aes256-sha1-modp2048", "aes256-sha256-modp2048"}) {
    const ike::Phase1Keys keys({.suite = *ike::ParseIkeSuite(name),
                                .psk = "psk",
                                .shared = "s",
                                .public_i = "i",
                                .public_r = "r",
                                .nonce_i = "ni",
                                .nonce_r = "nr",
                                .cookie_i = "INITIATO",
                                .cookie_r = "RESPONDE",
                                .sa_body = "sa"});
    std::string iv = keys.FirstIv(), back = iv;
    const std::string sealed = keys.Seal(2, 0, {{ike::kHash1, "hash"}, {ike::kId1, "id"}}, iv);
    const auto opened = keys.Open(*ike::Message::Parse(sealed), back);
    ASSERT_TRUE(opened);
    EXPECT_EQ(back, iv);
    EXPECT_EQ(ike::Find(opened->payloads, ike::kHash1)->body, "hash");
    EXPECT_EQ(opened->chain.size(), 4 + 4 + 4 + 2U);
    EXPECT_NE(keys.HashI("id"), keys.HashR("id"));
  }
}

TEST(L2tpAttempt, ARefusalInClearIsAHandshakeThatFailed) {
  L2tpCredentials credentials{.psk = "k",
                              .user = "u",
                              .password = "p",
                              .ike = Suites({"aes256-sha256-modp2048"}, false),
                              .esp = Suites({"aes256-sha256"}, true)};
  const auto attempt = L2tpAttempt(credentials, *IpAddress::Parse("198.51.100.1"), 500,
                                   {RoundTrip::Kind::kPing, *IpAddress::Parse("10.0.0.1")}, kWorld);
  attempt->Begin(Time(0));
  const auto first = attempt->progress().TakeOutput();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].channel, 0U);
  attempt->Take(0, "noise", Time(1));
  EXPECT_FALSE(attempt->progress().verdict());
  const std::string body = FromHex("000000010100000e");
  const std::string answer = ike::Header{.spi_i = first[0].bytes.substr(0, 8),
                                         .spi_r = "RESPONDE",
                                         .next = ike::kNotify1,
                                         .version = ike::kVersion1,
                                         .exchange = ike::kInformational1}
                                 .Format(4 + body.size()) +
                             ike::FormatPayload(0, body);
  attempt->Take(0, answer, Time(2));
  ASSERT_TRUE(attempt->progress().verdict());
  EXPECT_EQ(attempt->progress().verdict()->reason, Reason::kHandshakeFailed);
  EXPECT_EQ(attempt->progress().verdict()->detail, "IKE: notify 14");
  attempt->Leave(Time(3));
  EXPECT_TRUE(attempt->left());
}

}  // namespace
}  // namespace lethe::prober
