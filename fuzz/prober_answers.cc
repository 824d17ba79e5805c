// Packets of a stranger to an attempt of each protocol, and to the parsers behind their keys. The
// first byte chooses; a packet is cut off by its length in two bytes. Nobody without the keys makes
// a server ready.

#include "base/assert.h"
#include "fuzz.h"
#include "prober/eap.h"
#include "prober/ikev1_payloads.h"
#include "prober/ikev2_payloads.h"
#include "prober/l2tp.h"
#include "prober/openvpn_control.h"
#include "prober/openvpn_messages.h"
#include "prober/ppp.h"
#include "prober/target.h"

namespace {

using namespace lethe::prober;  // NOLINT: short as a script

World FixedWorld() {
  return {.random = [](size_t bytes) { return std::string(bytes, 'A'); }};
}

std::string_view NextPacket(std::string_view& input) {
  if (input.size() < 2) return std::exchange(input, {});
  const size_t size = static_cast<uint8_t>(input[0]) * 256U + static_cast<uint8_t>(input[1]);
  input.remove_prefix(2);
  const std::string_view packet = input.substr(0, size);
  input.remove_prefix(packet.size());
  return packet;
}

std::unique_ptr<Attempt> Make(uint8_t kind) {
  const RoundTrip round_trip{RoundTrip::Kind::kDns, *IpAddress::Parse("10.0.0.1")};
  const IpAddress server = *IpAddress::Parse("192.0.2.1");
  if (kind % 2 == 0) {
    WireGuardCredentials credentials{.address = *IpAddress::Parse("10.0.0.2")};
    credentials.private_key.fill(1);
    lethe::crypto::X25519Key secret;
    secret.fill(2);
    credentials.server_public_key = lethe::crypto::X25519PublicKey(secret);
    return WireGuardAttempt(credentials, 1, round_trip, FixedWorld());
  }
  L2tpCredentials credentials{.psk = "k",
                              .user = "u",
                              .password = "p",
                              .ike = {*ike::ParseIkeSuite("aes256-sha256-ecp256")},
                              .esp = {*ike::ParseEspSuite("aes256-sha256")}};
  return L2tpAttempt(credentials, server, 500, round_trip, FixedWorld());
}

void Converse(uint8_t kind, std::string_view input) {
  const auto attempt = Make(kind);
  Time now(0);
  attempt->Begin(now);
  while (!input.empty() && !attempt->progress().verdict()) {
    const std::string_view packet = NextPacket(input);
    attempt->Take(packet.size() % 2 == 1 && attempt->channels().size() > 1 ? 1 : 0, packet, now);
    now += std::chrono::milliseconds(600);
    attempt->Wake(now);
    (void)attempt->progress().TakeOutput();
  }
  attempt->progress().Expire();
  LETHE_ASSERT(attempt->progress().verdict()->reason != Reason::kReady);
  attempt->Leave(now);
}

void ParseAll(std::string_view input) {
  const auto offered = std::vector{*ike::ParseIkeSuite("aes256gcm16-prfsha256-x25519")};
  (void)ike::Message::Parse(input);
  if (!input.empty()) (void)ike::ParsePayloads(static_cast<uint8_t>(input[0]), input.substr(1));
  (void)ike::ReadSa(input, ike::kProtocolIke, 0, offered);
  (void)ike::ReadSa1(input, 4, offered);
  (void)ike::ReadConfigAddress(input, true);
  openvpn::PushedOptions options;
  (void)openvpn::ReadPushReply(input, options);
  std::string plain(input);
  (void)openvpn::TakeServerKeyMethod(plain);
  const InnerRequest request({RoundTrip::Kind::kDns, *IpAddress::Parse("10.0.0.1")},
                             *IpAddress::Parse("10.0.0.2"), FixedWorld());
  LETHE_ASSERT(!request.IsAnswer(request.packet()));
  (void)request.IsAnswer(input);
}

void TakeAll(std::string_view input) {
  const World world = FixedWorld();
  l2tp::Tunnel tunnel(0x4141, 0x4141);
  tunnel.Open();
  Ppp ppp("u", "p", world);
  EapPeer eap("u", "p");
  openvpn::ControlChannel control("AAAAAAAA");
  control.SendReset();
  while (!input.empty()) {
    const std::string_view packet = NextPacket(input);
    (void)tunnel.Take(packet);
    for (const std::string& frame : tunnel.TakeFrames()) ppp.Take(frame);
    ppp.Take(packet);
    (void)eap.Answer(packet, world);
    (void)control.Take(packet);
    (void)control.TakeOutput();
    LETHE_ASSERT(ppp.TakeOutput().size() <= 4 && tunnel.TakeOutput().size() <= 4);
  }
  LETHE_ASSERT(eap.state() != EapPeer::State::kSucceeded);
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view input = lethe::fuzz::View(data, size);
  if (input.empty()) return 0;
  const auto kind = static_cast<uint8_t>(input[0]);
  input.remove_prefix(1);
  switch (kind % 4) {
    case 0:
    case 1:
      Converse(kind, input);
      break;
    case 2:
      ParseAll(input);
      break;
    default:
      TakeAll(input);
      break;
  }
  return 0;
}
