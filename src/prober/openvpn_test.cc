#include "prober/openvpn.h"

#include <gtest/gtest.h>

#include "prober/openvpn_control.h"
#include "prober/openvpn_data.h"
#include "prober/openvpn_messages.h"

namespace lethe::prober::openvpn {
namespace {

constexpr std::string_view kOurs = "OURSESSN", kTheirs = "THEIRSES";

std::string Theirs(Opcode opcode, uint32_t number, std::string payload,
                   std::vector<uint32_t> acks = {}) {
  return ControlPacket{.opcode = opcode,
                       .session = std::string(kTheirs),
                       .acks = std::move(acks),
                       .acked_session = std::string(kOurs),
                       .number = number,
                       .payload = std::move(payload)}
      .Format();
}

TEST(ControlPacket, IsReadAsItIsWrittenAndCutNowhere) {
  const std::string packet = Theirs(Opcode::kControlV1, 7, "", {1, 2, 3});
  const auto read = ControlPacket::Parse(packet);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 7U);
  EXPECT_EQ(read->acks, (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(read->acked_session, kOurs);
  EXPECT_EQ(read->Format(), packet);
  for (size_t size = 0; size < packet.size(); ++size)
    EXPECT_FALSE(ControlPacket::Parse(packet.substr(0, size))) << size;
  std::string other = packet;
  for (const int first : {0x00, 0x21, 0x38, 0x48, 0xff}) {  // opcodes and key ids that are not his
    other[0] = static_cast<char>(first);
    EXPECT_FALSE(ControlPacket::Parse(other)) << first;
  }
  EXPECT_FALSE(
      ControlPacket::Parse(Theirs(Opcode::kControlV1, 1, "", {1, 2, 3, 4, 5, 6, 7, 8, 9})));
}

ControlChannel Connected() {
  ControlChannel channel{std::string(kOurs)};
  channel.SendReset();
  EXPECT_EQ(channel.TakeOutput().size(), 1U);
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kServerReset, 0, "", {0})));
  EXPECT_TRUE(channel.reset_answered());
  EXPECT_TRUE(channel.all_acknowledged());
  (void)channel.TakeOutput();
  return channel;
}

TEST(ControlChannel, TakesNothingBeforeTheResetThatAcknowledgesOurs) {
  ControlChannel channel{std::string(kOurs)};
  channel.SendReset();
  EXPECT_FALSE(channel.Take(Theirs(Opcode::kControlV1, 0, "x")));
  EXPECT_FALSE(channel.Take(Theirs(Opcode::kServerReset, 0, "")));
  EXPECT_FALSE(channel.Take(Theirs(Opcode::kServerReset, 1, "", {0})));
  std::string other = Theirs(Opcode::kServerReset, 0, "", {0});
  other[15] = 'x';  // acknowledges another session
  EXPECT_FALSE(channel.Take(other));
  EXPECT_FALSE(channel.reset_answered());
}

TEST(ControlChannel, PutsInOrderWhatCameTwiceOrEarly) {
  ControlChannel channel = Connected();
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kControlV1, 2, "b")));
  EXPECT_EQ(channel.TakePayload(), "");
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kControlV1, 1, "a")));
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kControlV1, 1, "a")));
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kControlV1, 3, "c")));
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kControlV1, 100, "far away")));
  EXPECT_EQ(channel.TakePayload(), "abc");
  const auto acks = channel.TakeOutput();
  ASSERT_EQ(acks.size(), 1U);
  const auto packet = ControlPacket::Parse(acks[0]);
  EXPECT_EQ(packet->opcode, Opcode::kAckV1);
  EXPECT_EQ(packet->acks, (std::vector<uint32_t>{2, 1, 1, 3}));
  EXPECT_EQ(packet->acked_session, kTheirs);
  std::string stranger = Theirs(Opcode::kControlV1, 4, "d");
  stranger[1] = 'x';
  EXPECT_FALSE(channel.Take(stranger));
}

TEST(ControlChannel, SendsWithinItsWindowAndAgain) {
  ControlChannel channel = Connected();
  channel.Send(std::string(10'000, 'x'));
  EXPECT_EQ(channel.TakeOutput().size(), 6U);
  EXPECT_EQ(channel.TakeOutput().size(), 0U);
  EXPECT_EQ(channel.Unacknowledged().size(), 6U);
  EXPECT_TRUE(channel.Take(Theirs(Opcode::kAckV1, 0, "", {1, 3})));
  EXPECT_EQ(channel.Unacknowledged().size(), 4U);
  EXPECT_EQ(channel.TakeOutput().size(), 2U);
  EXPECT_FALSE(channel.all_acknowledged());
  for (uint32_t number = 0; number < 20; ++number) {
    channel.Take(Theirs(Opcode::kAckV1, 0, "", {number}));
    (void)channel.TakeOutput();
  }
  EXPECT_TRUE(channel.all_acknowledged());
}

TEST(KeyMethod, SaysWhatTheClientCan) {
  const std::string random(kKeyMethodRandomBytes, 'r');
  const std::string text =
      FormatKeyMethod({.random = random, .user = "u", .password = "p", .tcp = false});
  EXPECT_EQ(text.substr(0, 5), std::string("\0\0\0\0\2", 5));
  EXPECT_NE(text.find(std::string("\0\2u\0\0\2p\0", 8)), std::string::npos);
  EXPECT_NE(text.find("IV_PROTO=138\n"), std::string::npos);
}

TEST(KeyMethod, TakesTheServersMessageWhenItIsThere) {
  const std::string good =
      std::string("\0\0\0\0\2", 5) + std::string(64, 'r') + std::string("\0\3V4\0", 5);
  for (size_t size = 0; size < good.size(); ++size) {
    std::string part = good.substr(0, size);
    EXPECT_FALSE(TakeServerKeyMethod(part).has_value()) << size;
    EXPECT_EQ(part.size(), size);
  }
  std::string all = good + std::string("\0\0\0\0", 4);
  EXPECT_EQ(TakeServerKeyMethod(all), true);
  EXPECT_EQ(all, "");
  std::string other = good;
  other[4] = 1;
  EXPECT_EQ(TakeServerKeyMethod(other), false);
}

TEST(PushReply, ReadsWhatCounts) {
  PushedOptions options;
  EXPECT_TRUE(ReadPushReply(
      "PUSH_REPLY,route-gateway 10.8.0.1,topology subnet,ifconfig 10.8.0.2 255.255.240.0,"
      "ifconfig-ipv6 fd28::2/64 fd28::1,peer-id 5,cipher AES-256-GCM,"
      "protocol-flags cc-exit tls-ekm,push-continuation 2",
      options));
  EXPECT_EQ(options.v4, IpAddress::Parse("10.8.0.2"));
  EXPECT_EQ(options.v6, IpAddress::Parse("fd28::2"));
  EXPECT_EQ(options.peer_id, 5U);
  EXPECT_EQ(options.cipher, crypto::Aead::kAesGcm);
  EXPECT_TRUE(options.exported_keys && options.control_exit && options.more);
  EXPECT_TRUE(ReadPushReply("PUSH_REPLY,push-continuation 1", options));
  EXPECT_FALSE(options.more);
}

TEST(PushReply, RefusesWhatIsMalformed) {
  for (const char* option : {"ifconfig 10.8.0.2", "ifconfig fd28::2 255.255.255.0", "ifconfig x y",
                             "ifconfig-ipv6", "ifconfig-ipv6 10.0.0.1/24 x", "cipher",
                             "cipher BF-CBC", "peer-id", "peer-id -1", "peer-id 16777216"}) {
    PushedOptions options;
    EXPECT_FALSE(ReadPushReply(std::string("PUSH_REPLY,") + option, options)) << option;
  }
}

TEST(DataChannel, OpensWhatTheOtherSideSealed) {
  std::string material;
  for (size_t i = 0; i < kKeyMaterialBytes; ++i) material += static_cast<char>(i);
  const std::string turned = material.substr(128) + material.substr(0, 128);
  for (const auto cipher : {crypto::Aead::kAesGcm, crypto::Aead::kChaCha20Poly1305}) {
    for (const std::optional<uint32_t> peer : {std::optional<uint32_t>(3), {}}) {
      PushedOptions options{.cipher = cipher, .key_bytes = 32, .peer_id = peer};
      DataChannel client(material, options), server(turned, options);
      const std::string sealed = client.Seal("packet");
      EXPECT_EQ(sealed.substr(0, peer ? 4 : 1),
                peer ? std::string("\x48\0\0\3", 4) : std::string("\x30"));
      EXPECT_EQ(server.Open(sealed), "packet");
      EXPECT_EQ(client.Open(sealed), std::nullopt) << "an echo of our own";
      EXPECT_NE(client.Seal("packet"), sealed) << "a number of its own";
      for (size_t i = peer ? 0 : 1; i < sealed.size(); ++i) {
        std::string other = sealed;
        other[i] = static_cast<char>(other[i] ^ 0x10);
        EXPECT_EQ(server.Open(other), std::nullopt) << i;
        EXPECT_EQ(server.Open(sealed.substr(0, i)), std::nullopt) << i;
      }
    }
  }
}

}  // namespace
}  // namespace lethe::prober::openvpn
