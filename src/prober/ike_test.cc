#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/test_bytes.h"
#include "prober/eap.h"
#include "prober/esp.h"
#include "prober/ike_message.h"
#include "prober/ikev2.h"
#include "prober/ikev2_keys.h"
#include "prober/ikev2_payloads.h"

namespace lethe::prober::ike {
namespace {

std::string Random(size_t bytes) { return std::string(bytes, 'r'); }
World Constant() { return {.random = Random}; }

constexpr std::string_view kIkeNames[] = {
    "aes256gcm16-prfsha384-ecp384",  "aes256gcm16-prfsha256-x25519",
    "aes128gcm16-prfsha512-ecp256",  "chacha20poly1305-prfsha256-x25519",
    "aes256-sha256-modp2048",        "aes128-sha1-modp2048",
    "aes256-sha512-prfsha256-ecp384"};
constexpr std::string_view kEspNames[] = {"aes256gcm16",   "aes128gcm16", "chacha20poly1305",
                                          "aes256-sha256", "aes128-sha1", "aes256-sha512"};

TEST(IkeMessage, LengthsMustFit) {
  const Payloads payloads = {{kNonce, "nonce"}, {kNotify, ""}};
  const std::string chain = FormatPayloads(payloads);
  const Header header{.spi_i = "INITIATO", .spi_r = "RESPONDE", .next = kNonce, .exchange = 34};
  const std::string bytes = header.Format(chain.size()) + chain;
  const auto message = Message::Parse(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.spi_r, "RESPONDE");
  const auto read = ParsePayloads(message->header.next, message->payloads);
  ASSERT_TRUE(read && read->size() == 2);
  EXPECT_EQ(Find(*read, kNonce)->body, "nonce");
  EXPECT_EQ(Find(*read, kSa), nullptr);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(Message::Parse(bytes.substr(0, size))) << size;
  EXPECT_FALSE(Message::Parse(bytes + "x"));
  for (size_t size = 0; size < chain.size(); ++size)
    EXPECT_FALSE(ParsePayloads(kNonce, chain.substr(0, size))) << size;
  EXPECT_FALSE(ParsePayloads(kNonce, chain + "x"));
  EXPECT_TRUE(ParsePayloads(0, "")->empty());
  EXPECT_FALSE(ParsePayloads(0, "x"));
  EXPECT_FALSE(ParsePayloads(kNotify, FormatPayloads(Payloads(kMaxPayloads + 1, {kNotify, ""}))));
}

TEST(Suite, IsReadByItsName) {
  for (const auto name : kIkeNames) EXPECT_TRUE(ParseIkeSuite(name)) << name;
  for (const auto name : kEspNames) EXPECT_TRUE(ParseEspSuite(name)) << name;
  EXPECT_EQ(ParseIkeSuite("aes256gcm16-prfsha384-ecp384"),
            (Suite{.encryption = 20, .key_bits = 256, .integrity = 0, .prf = 6, .group = 20}));
  EXPECT_EQ(ParseIkeSuite("aes128-sha1-modp2048"),
            (Suite{.encryption = 12, .key_bits = 128, .integrity = 2, .prf = 2, .group = 14}));
  EXPECT_EQ(ParseEspSuite("aes256-sha256"),
            (Suite{.encryption = 12, .key_bits = 256, .integrity = 12}));
  for (const char* bad : {"", "aes256gcm16", "aes256gcm16-ecp384", "aes256-modp2048",
                          "aes256gcm16-prfsha384-ecp384-x", "des-sha1-modp2048", "aes256-sha256",
                          "aes256gcm16-prfmd5-ecp384", "aes256-sha256-modp1024", "-"})
    EXPECT_FALSE(ParseIkeSuite(bad)) << bad;
  for (const char* bad : {"", "aes256", "aes256gcm16-sha256", "aes256-sha256-modp2048", "null"})
    EXPECT_FALSE(ParseEspSuite(bad)) << bad;
}

std::vector<Suite> Offered() {
  std::vector<Suite> out;
  for (const auto name : kIkeNames) out.push_back(*ParseIkeSuite(name));
  return out;
}

TEST(Sa, TakesExactlyOneOfWhatWasOffered) {
  const auto offered = Offered();
  for (size_t i = 0; i < offered.size(); ++i) {
    std::string answer = FormatSa(kProtocolIke, "", {offered[i]});
    EXPECT_EQ(ReadSa(answer, kProtocolIke, 0, offered).has_value(), i == 0) << "by its number";
    answer[4] = static_cast<char>(i + 1);
    const auto chosen = ReadSa(answer, kProtocolIke, 0, offered);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->suite, offered[i]);
    for (size_t size = 0; size < answer.size(); ++size)
      EXPECT_FALSE(ReadSa(answer.substr(0, size), kProtocolIke, 0, offered)) << size;
    // Flips of what says nothing: reserved bytes, and whether another transform comes.
    size_t taken = 0;
    for (size_t at = 0; at < answer.size(); ++at) {
      std::string other = answer;
      other[at] = static_cast<char>(other[at] ^ 0x40);
      taken += ReadSa(other, kProtocolIke, 0, offered) ? 1 : 0;
    }
    EXPECT_EQ(taken, 1 + 3 * static_cast<size_t>(answer[7])) << i;
  }
  EXPECT_FALSE(ReadSa(FormatSa(kProtocolIke, "", offered), kProtocolIke, 0, offered)) << "all";
  const auto esp = ParseEspSuite("aes256gcm16");
  const auto chosen = ReadSa(FormatSa(kProtocolEsp, "SPI!", {*esp}), kProtocolEsp, 4, {*esp});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->spi, "SPI!");
}

// The two sides of one SA: the responder's keys are the initiator's turned round.
Esp EspOf(const Suite& suite, bool initiator) {
  const std::string e1(EncryptionKeyBytes(suite), '1'), e2(EncryptionKeyBytes(suite), '2');
  const std::string a1(IntegrityKeyBytes(suite), '3'), a2(IntegrityKeyBytes(suite), '4');
  EspDirection there{"SPI1", Cipher(suite, e1, a1)}, back{"SPI2", Cipher(suite, e2, a2)};
  return initiator ? Esp(there, back) : Esp(back, there);
}

TEST(Esp, OpensWhatTheOtherSideSealed) {
  for (const auto name : kEspNames) {
    const Suite suite = *ParseEspSuite(name);
    Esp ours = EspOf(suite, true), theirs = EspOf(suite, false);
    for (const size_t size : {0, 1, 13, 14, 15, 16, 100}) {
      const std::string text(size, 'p');
      const std::string sealed = ours.Seal({4, text}, Random);
      EXPECT_EQ(sealed.size() % 4, 0U) << name;
      const auto opened = theirs.Open(sealed);
      ASSERT_TRUE(opened) << name;
      EXPECT_EQ(opened->payload, text);
      EXPECT_EQ(opened->next_header, 4);
      EXPECT_FALSE(ours.Open(sealed)) << "our own";
      for (size_t i = 0; i < sealed.size(); ++i) {
        std::string other = sealed;
        other[i] = static_cast<char>(other[i] ^ 1);
        EXPECT_FALSE(theirs.Open(other)) << name << i;
        EXPECT_FALSE(theirs.Open(sealed.substr(0, i))) << name << i;
      }
    }
  }
}

TEST(IkeKeys, WhatIsNotSealedByThemIsNotOpened) {
  for (const Suite& suite : Offered()) {
    IkeKeys keys({.suite = suite,
                  .shared = "shared",
                  .nonce_i = "ni",
                  .nonce_r = "nr",
                  .spi_i = "INITIATO",
                  .spi_r = "RESPONDE"});
    const std::string sealed = keys.Seal(35, 1, 8, {{kNonce, "inside"}}, Random);
    EXPECT_TRUE(Message::Parse(sealed));
    EXPECT_EQ(sealed.find("inside"), std::string::npos);
    EXPECT_FALSE(keys.Open(sealed)) << "our own, sent back to us";
    EXPECT_FALSE(keys.Open(std::string(200, 'x')));
  }
}

TEST(ConfigAddress, IsReadOrNothing) {
  const std::string good = FromHex(
                               "02000000"
                               "000100040a000005"
                               "00080011") +
                           std::string(15, '\1') + std::string(1, '\2') + std::string(1, 64);
  EXPECT_EQ(ReadConfigAddress(good, true), IpAddress::Parse("10.0.0.5"));
  EXPECT_EQ(ReadConfigAddress(good, false)->bytes, std::string(15, '\1') + '\2');
  for (size_t size = 0; size < 12; ++size)
    EXPECT_FALSE(ReadConfigAddress(good.substr(0, size), true)) << size;
  EXPECT_FALSE(ReadConfigAddress(FormatConfigRequest(true), true)) << "an echo";
}

TEST(Id, HasItsType) {
  EXPECT_EQ(FormatId("vpn.example", "")[0], 2);
  EXPECT_EQ(FormatId("a@vpn.example", "")[0], 3);
  EXPECT_EQ(FormatId("192.0.2.1", "")[0], 1);
  EXPECT_EQ(FormatId("2001:db8::1", "")[0], 5);
  EXPECT_EQ(FormatId("", "DER"), FromHex("09000000") + "DER");
}

TEST(Signature, HoldsByItsKeyAndItsOctetsAlone) {
  const std::string folder = std::string(LETHE_VECTORS) + "/prober/";
  const auto pem = [&](const std::string& name) { return ReadFile(folder + name).value(); };
  const auto anchors = crypto::TrustAnchors::Read(pem("ca.crt")).value();
  for (const std::string name : {"server", "rsa"}) {
    const auto identity = crypto::Identity::Read(pem(name + ".crt"), pem(name + ".key")).value();
    const auto key = anchors.Verify(identity.ders(), {.now_unix_s = 1'900'000'000}).value();
    const std::string body = FormatSignature(identity, "octets");
    EXPECT_TRUE(CheckSignature(body, key, "octets"));
    EXPECT_FALSE(CheckSignature(body, key, "octet"));
    for (size_t size = 0; size < body.size(); ++size)
      EXPECT_FALSE(CheckSignature(body.substr(0, size), key, "octets")) << size;
    std::string other = body;
    other[0] = 1;
    EXPECT_FALSE(CheckSignature(other, key, "octets")) << "RSA of before RFC 7427";
  }
}

// Challenge, success and failure of a server that knows RFC 2759's "clientPass".
class EapTest : public ::testing::Test {
 protected:
  std::string Request(const std::string& type_and_data) {
    std::string out("\1\7\0", 3);
    return out + static_cast<char>(type_and_data.size() + 4) + type_and_data;
  }
  std::string Challenge() {
    return Request("\x1a\1\7" + std::string("\0\x19\x10", 3) + std::string(16, 'c') + "srv");
  }
  std::string Success(const std::string& user) {
    const auto chap = crypto::MsChap::Make({.user = user,
                                            .password = "clientPass",
                                            .authenticator_challenge = std::string(16, 'c'),
                                            .peer_challenge = Random(16)});
    return Request("\x1a\3\7" + std::string("\0\x30", 2) + chap->authenticator_response());
  }
  EapPeer peer_{"User", "clientPass"};
};

TEST_F(EapTest, SucceedsWithAServerThatKnowsThePassword) {
  EXPECT_EQ(peer_.Answer(Request("\1"), Constant()), std::string("\2\7\0\x9\1User", 9));
  const auto response = peer_.Answer(Challenge(), Constant());
  ASSERT_TRUE(response);
  EXPECT_EQ(response->substr(0, 6), std::string("\2\7\0\x3f\x1a\2", 6));
  EXPECT_EQ(peer_.Answer(Success("User"), Constant()), std::string("\2\7\0\6\x1a\3", 6));
  EXPECT_FALSE(peer_.Answer(std::string("\3\7\0\4", 4), Constant()));
  EXPECT_EQ(peer_.state(), EapPeer::State::kSucceeded);
  EXPECT_EQ(peer_.Msk().size(), 64U);
}

TEST_F(EapTest, AServerThatDoesNotKnowItIsAnImpostor) {
  (void)peer_.Answer(Challenge(), Constant());
  EXPECT_FALSE(peer_.Answer(Success("Another"), Constant()));
  EXPECT_EQ(peer_.state(), EapPeer::State::kImpostor);
  EapPeer early("User", "clientPass");
  EXPECT_FALSE(early.Answer(std::string("\3\7\0\4", 4), Constant()));
  EXPECT_EQ(early.state(), EapPeer::State::kImpostor) << "a success without proof";
}

TEST_F(EapTest, ARefusalIsHeard) {
  (void)peer_.Answer(Challenge(), Constant());
  EXPECT_TRUE(peer_.Answer(Request("\x1a\4\7" + std::string("\0\7", 2) + "E=691"), Constant()));
  EXPECT_TRUE(peer_.refused());
  EXPECT_FALSE(peer_.Answer(std::string("\4\7\0\4", 4), Constant()));
  EXPECT_EQ(peer_.state(), EapPeer::State::kRefused);
}

TEST_F(EapTest, WhatIsMalformedIsSaidSo) {
  for (const std::string& packet :
       {std::string(), std::string("\1\7\0", 3), std::string("\1\7\0\5", 4),
        std::string("\1\7\0\4", 4), std::string("\2\7\0\5\1", 5), Request("\x1a"),
        Request("\x1a\1\7"), Request("\x1a\3\7\0\4S=ab"), Request("\x1a\x9"),
        Challenge().substr(0, 20)}) {
    EapPeer peer("User", "clientPass");
    EXPECT_FALSE(peer.Answer(packet, Constant())) << HexEncode(packet);
    EXPECT_EQ(peer.state(), EapPeer::State::kMalformed);
  }
  EXPECT_EQ(peer_.Answer(Request("\4challenge"), Constant()), std::string("\2\7\0\6\3\x1a", 6));
}

}  // namespace
}  // namespace lethe::prober::ike
