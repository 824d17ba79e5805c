// What Debian's own clients, in a guest of their own, get from a server.

#include "base/strings.h"
#include "client/request.h"
#include "hostile_l2tp.h"
#include "leak_watch.h"
#include "network_fixture.h"
#include "prober.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr size_t kFarBytes = 1 << 20;
constexpr uint32_t kSeed = 20261126;

void ExpectAnswers(ClientGuest& client, const ClientGuest::Connected& connection,
                   bool ipv6_inside) {
  ASSERT_FALSE(connection.name_servers.empty()) << client.Log();
  for (const std::string& server : connection.name_servers) {
    for (const bool tcp : {false, true}) {
      const auto answer = client.Resolve(server, false, tcp);
      EXPECT_TRUE(answer) << server << ": " << answer.error().message;
      EXPECT_EQ(answer ? *answer : "", kFar4);
    }
  }
  for (const char* far : {kFar4, kFar6}) {
    if (far == kFar6 && !ipv6_inside) continue;
    const auto server = FarServer::Start(kFarBytes, far).value();
    const auto bytes = client.FetchFrom(far, server->port());
    EXPECT_TRUE(bytes) << far << ": " << bytes.error().message;
    EXPECT_EQ(bytes ? *bytes : 0, kFarBytes) << far;
    const auto pings = client.Ping(far, 3, 56);
    EXPECT_TRUE(pings && *pings >= 2) << far;
  }
}

TEST_F(NetworkTest, DebiansClientsConnectAndNothingLeaks) {
  ClientGuest& client = Client();
  for (const Vpn vpn :
       {Vpn::kOpenVpnUdp, Vpn::kWireGuard, Vpn::kIkev2, Vpn::kIkev2Certificate, Vpn::kL2tp}) {
    SCOPED_TRACE(ToString(vpn));
    const auto watch = LeakWatch::Start(client.cable(), vpn).value();
    const auto connection =
        client.Connect(world_->credentials.ConnectRequest(kGuestClient, vpn, kServer4));
    ASSERT_TRUE(connection) << connection.error().message;
    EXPECT_EQ(connection->outcome, "up") << client.Log();
    if (connection->outcome != "up") continue;
    std::printf("  %s: connected after %lld ms\n", ToString(vpn).c_str(),
                static_cast<long long>(connection->took_ms));
    ExpectAnswers(client, *connection, vpn != Vpn::kL2tp);
    EXPECT_GT(watch->vpn_packets(), 100U);
    EXPECT_EQ(watch->Leaks(), std::vector<std::string>());
    client.Disconnect();
  }
}

TEST_F(NetworkTest, TheClientGuestRefusesWhatItDoesNotKnowAndStaysAsItIs) {
  ClientGuest& client = Client();
  const auto connection =
      client.Connect(world_->credentials.ConnectRequest(kGuestClient, Vpn::kWireGuard, kServer4));
  ASSERT_TRUE(connection && connection->outcome == "up");
  const std::pair<std::string, const char*> kBad[] = {
      {"nonsense", "no-json"},
      {"[]", "no-object"},
      {R"({"id":1,"command":"shell","argv":["id"]})", "unknown-command"},
      {R"({"id":1,"command":"disconnect","now":true})", "unknown-key"},
      {R"({"id":1,"command":"uplink","addresses":[],"gateways":[],"mtu":1500})", "missing-key"},
      {R"({"id":1,"command":"uplink","addresses":["10.0.0.1/24; reboot"],"gateways":[],)"
       R"("mtu":1500,"guard":false})",
       "bad-value"},
      {R"({"id":1,"command":"connect","protocol":"l2tp","server":"192.0.2.9","timeout_s":1,)"
       R"("preshared_key":"k","user":"u","password":"p"})",
       "not-now"},
      {std::string(client::kMaxLine + 1000, 'x'), "too-long"},
  };
  for (const auto& [line, reason] : kBad) {
    const auto answer = client.AskLine(line, seconds(10));
    ASSERT_TRUE(answer) << answer.error().message;
    const json::Value* refused = answer->Find("refused");
    ASSERT_NE(refused, nullptr) << line.substr(0, 80);
    EXPECT_EQ(*refused, json::Value(reason)) << line.substr(0, 80);
  }
  EXPECT_GT(client.Ping(kFar4, 3, 56).value(), 0) << "the connection is still there";
  client.Disconnect();
}

// Without its guard, a packet that does not take the tunnel is seen; with it, it is held back.
TEST_F(NetworkTest, TheClientGuestsGuardHoldsBackWhatTheLeakWatchWouldSee) {
  for (const bool guard : {false, true}) {
    SCOPED_TRACE(guard);
    ClientGuest& client = Client(guard);
    const auto watch = LeakWatch::Start(client.cable(), Vpn::kWireGuard).value();
    EXPECT_EQ(client.Ping(kFar4, 2, 56).value(), guard ? 0 : 2);
    EXPECT_EQ(watch->Leaks().empty(), guard);
  }
}

TEST_F(NetworkTest, TheProberSaysOfEveryProtocolWhetherItIsReady) {
  using Flaw = Credentials::Flaw;
  std::map<std::string, std::string> good, bad;
  for (const Vpn vpn : {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp, Vpn::kWireGuard, Vpn::kIkev2,
                        Vpn::kIkev2Certificate, Vpn::kL2tp}) {
    const std::string name = ToString(vpn) + (vpn == Vpn::kIkev2Certificate ? "-certificate" : "");
    good[name] = world_->credentials.ProberTarget(10, vpn, kServer4);
    if (vpn != Vpn::kL2tp) good[name + "-6"] = world_->credentials.ProberTarget(11, vpn, kServer6);
  }
  const auto ready = Probe(MachineOf(1), good, world_->scratch.path()).value();
  ASSERT_EQ(ready.size(), good.size());
  for (const auto& [name, answer] : ready) {
    EXPECT_EQ(answer.reason, "ready") << name;
    std::printf("  %s: %.0f ms\n", name.c_str(), answer.handshake_ms);
  }
  const std::pair<const char*, Flaw> kFlaws[] = {{"password", Flaw::kWrongPassword},
                                                 {"expired", Flaw::kExpiredCertificate}};
  for (const auto& [name, flaw] : kFlaws) {
    const Vpn vpn = flaw == Flaw::kWrongPassword ? Vpn::kL2tp : Vpn::kIkev2Certificate;
    bad[name] = world_->credentials.ProberTarget(12, vpn, kServer4, flaw);
  }
  InServer("lethe-vpnd ctl stop openvpn-udp");
  bad["stopped"] = world_->credentials.ProberTarget(12, Vpn::kOpenVpnUdp, kServer4);
  const auto not_ready = Probe(MachineOf(1), bad, world_->scratch.path()).value();
  InServer("lethe-vpnd ctl start openvpn-udp");
  EXPECT_EQ(not_ready.at("password").reason, "auth-failed");
  EXPECT_EQ(not_ready.at("expired").reason, "auth-failed");
  EXPECT_EQ(not_ready.at("stopped").reason, "refused");
  for (const auto& [name, answer] : not_ready) EXPECT_FALSE(answer.ready) << name;
  ExpectSilence();
}

// Whoever has the shared key, which all clients of L2TP have, may say anything to xl2tpd; who has a
// password besides, to pppd.
TEST_F(NetworkTest, L2tpDaemonsTakeNonsenseInsideIpsec) {
  constexpr size_t kMessages = 14, kOfEach = 40;
  constexpr seconds kForgotten(150);  // for a tunnel whose client is gone without a word
  const std::string target = world_->credentials.ProberTarget(13, Vpn::kL2tp, kServer4);
  const auto restarts = [] { return world_->server->Service("l2tp").value().restarts; };
  const auto restarts_before = restarts();
  const uint64_t descriptors_before = world_->server->Count().value().descriptors;
  bool until_the_end = false;
  for (size_t first = 0; first < kMessages; first += IsNightly() ? 1 : 4) {
    MachineOf(1).Inside([&] {
      const auto talk = TalkNonsense(target, first, kOfEach, kSeed + static_cast<uint32_t>(first));
      ASSERT_TRUE(talk) << talk.error().message;
      std::printf("  from message %zu on: %zu malformed; %s\n", first, talk->malformed,
                  std::string(prober::ToString(talk->outcome)).c_str());
      EXPECT_GE(talk->malformed, kOfEach);
      until_the_end = until_the_end || talk->outcome == prober::Reason::kReady;
    });
  }
  EXPECT_TRUE(until_the_end) << "none came as far as a password";
  const auto after = Probe(MachineOf(1), {{"l2tp", target}}, world_->scratch.path()).value();
  EXPECT_EQ(after.at("l2tp").reason, "ready");
  EXPECT_EQ(restarts(), restarts_before);
  ExpectSilence();
  if (!IsNightly()) return;
  EXPECT_TRUE(Eventually(kForgotten, [&] {
    const auto held = world_->server->Count();
    return held && held->descriptors <= descriptors_before;
  })) << "tunnels that were confused stay";
}

// The server dials for nobody: what only a called side says to its caller is for it as nothing.
TEST_F(NetworkTest, L2tpMessagesOutOfTurnEndNothing) {
  const std::string target = world_->credentials.ProberTarget(14, Vpn::kL2tp, kServer4);
  const auto before = world_->server->Service("l2tp").value().restarts;
  const std::vector<Message> messages = {Message::kIcrp, Message::kOccn,  Message::kSccrp,
                                         Message::kOcrp, Message::kSccrq, Message::kScccn,
                                         Message::kIcrq, Message::kIccn,  Message::kOcrq,
                                         Message::kWen,  Message::kSli,   Message::kHello};
  for (const bool mandatory : {false, true}) {
    for (const Message after : {Message::kSccrq, Message::kScccn, Message::kIcrq, Message::kIccn}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(after)) + (mandatory ? "" : ", not mandatory"));
      MachineOf(1).Inside([&] {
        const auto talk = TalkOutOfTurn(target, after, messages, mandatory);
        ASSERT_TRUE(talk) << talk.error().message;
        EXPECT_GE(talk->malformed, messages.size());
      });
      EXPECT_EQ(world_->server->Service("l2tp").value().restarts, before);
    }
  }
  const auto after = Probe(MachineOf(1), {{"l2tp", target}}, world_->scratch.path()).value();
  EXPECT_EQ(after.at("l2tp").reason, "ready");
  ExpectSilence();
}

}  // namespace
}  // namespace lethe::lab
