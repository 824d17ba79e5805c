// What Debian's own clients, in a guest of their own, get from a server.

#include "base/strings.h"
#include "client/request.h"
#include "leak_watch.h"
#include "network_fixture.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr size_t kFarBytes = 1 << 20;

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

}  // namespace
}  // namespace lethe::lab
