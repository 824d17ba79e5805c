// What a server's tunnels carry, and what they keep out, with real clients.

#include "leak_watch.h"
#include "network_fixture.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr size_t kFarBytes = 1 << 20;

void ExpectCarriesEverything(Machine& machine, const Tunnel& tunnel) {
  for (const std::string& inside : {tunnel.server4(), tunnel.server6()}) {
    EXPECT_TRUE(machine.Pings(inside)) << inside;
    for (const bool ipv6 : {false, true}) {
      for (const bool tcp : {false, true}) {
        const auto answer = machine.Resolve(inside, ipv6, tcp);
        EXPECT_TRUE(answer) << inside << ": " << answer.error().message;
        EXPECT_EQ(answer ? *answer : "", ipv6 ? kFar6 : kFar4);
      }
    }
  }
  for (const char* far : {kFar4, kFar6}) {
    const auto server = FarServer::Start(kFarBytes, far).value();
    const auto bytes = machine.FetchFrom(far, server->port());
    EXPECT_TRUE(bytes) << far << ": " << bytes.error().message;
    EXPECT_EQ(bytes ? *bytes : 0, kFarBytes) << far;
    EXPECT_TRUE(machine.Pings(far)) << far;
  }
}

// On a machine of its own: where WireGuard was, the server goes on calling for a while.
TEST_F(NetworkTest, CarriesBothFamiliesByEveryProtocolAndNothingLeaks) {
  for (const Vpn vpn : {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp, Vpn::kWireGuard}) {
    for (const bool outer_ipv6 : {false, true}) {
      SCOPED_TRACE(ToString(vpn) + (outer_ipv6 ? " over IPv6" : " over IPv4"));
      Machine& machine = MachineOf(4);
      const auto tunnel = Connect(4, vpn, outer_ipv6);
      ASSERT_TRUE(tunnel);
      const auto watch = LeakWatch::Start(machine, vpn).value();
      ExpectCarriesEverything(machine, *tunnel);
      EXPECT_GT(watch->vpn_packets(), 100U);
      EXPECT_EQ(watch->Leaks(), std::vector<std::string>());
      if (vpn == Vpn::kWireGuard) continue;
      for (const std::string& resolver : {tunnel->server4(), tunnel->server6()})
        EXPECT_NE(tunnel->Log().find("dhcp-option DNS " + resolver), std::string::npos);
    }
  }
}

TEST_F(NetworkTest, TheLeakWatchSeesWhatGoesOutside) {
  const auto tunnel = Connect(1, Vpn::kOpenVpnUdp);
  ASSERT_TRUE(tunnel);
  const auto watch = LeakWatch::Start(MachineOf(1), Vpn::kOpenVpnUdp).value();
  EXPECT_TRUE(MachineOf(1).Pings("192.0.2.1", "eth0"));
  EXPECT_TRUE(Eventually(seconds(30), [&] { return !watch->Leaks().empty(); }));
}

TEST_F(NetworkTest, TracksNoClientByItsOuterAddress) {
  const auto udp = Connect(1, Vpn::kOpenVpnUdp);
  const auto tcp = Connect(2, Vpn::kOpenVpnTcp, true);
  const auto wireguard = Connect(3, Vpn::kWireGuard);
  ASSERT_TRUE(udp && tcp && wireguard);
  for (unsigned i = 1; i <= 3; ++i) EXPECT_TRUE(MachineOf(i).Pings(kFar4));
  // The kernel shows its list in pieces, and what changes in between may hide an entry.
  const std::string inner = udp->Address(false).value();
  std::string tracked;
  EXPECT_TRUE(Eventually(seconds(30),
                         [&] {
                           tracked = world_->probe->Read("proc:1/net/nf_conntrack").value();
                           return tracked.find("src=" + inner + " ") != std::string::npos;
                         }))
      << inner << tracked;
  for (const char* outer :
       {"192.0.2.101", "192.0.2.102", "192.0.2.103", "2001:0db8:0002:0000:0000:0000:0000:0102"})
    EXPECT_EQ(tracked.find(outer), std::string::npos) << tracked;
  const std::string rules = InServer("nft list ruleset");
  EXPECT_EQ(rules.find("192.0.2."), std::string::npos) << rules;
}

TEST_F(NetworkTest, KeepsClientsApartAndOffTheManagementSide) {
  const std::unique_ptr<Tunnel> tunnels[] = {
      Connect(1, Vpn::kOpenVpnUdp), Connect(2, Vpn::kOpenVpnTcp), Connect(3, Vpn::kWireGuard),
      Connect(4, Vpn::kOpenVpnUdp)};
  std::vector<std::string> refused = {kServer4,     kServer6,   "10.55.0.50", kManagement4,
                                      kManagement6, kMetadata4, "192.168.1.1"};
  for (const auto& tunnel : tunnels) {
    ASSERT_TRUE(tunnel);
    for (const bool ipv6 : {false, true}) refused.push_back(tunnel->Address(ipv6).value());
  }
  // The server itself reaches them, so that it is its rules which keep clients out.
  InServer(
      "ip address replace 10.55.0.50/24 dev eth0; ip -6 address replace fd55::50/64 dev eth0 "
      "nodad");
  const std::string reach = "exec 3<>/dev/null; cat </dev/null; ip route get 169.254.169.254";
  EXPECT_NE(InServer(reach).find("via 198.51.100.1"), std::string::npos);
  for (unsigned i = 0; i < 4; ++i) {
    const Tunnel& tunnel = *tunnels[i];
    Machine& machine = MachineOf(i + 1);
    std::vector<std::string> others;
    for (const auto& other : tunnels) {
      if (other->server4() == tunnel.server4()) continue;
      others.insert(others.end(), {other->server4(), other->server6()});
    }
    others.insert(others.end(), refused.begin(), refused.end());
    const auto own4 = tunnel.Address(false).value(), own6 = tunnel.Address(true).value();
    std::erase_if(others, [&](const auto& other) { return other == own4 || other == own6; });
    others.push_back(kFar4);
    EXPECT_EQ(machine.Reachable(others, tunnel.device()), std::vector<std::string>{kFar4}) << own4;
    const auto answer = machine.Resolve(kServer4, false, false);
    EXPECT_FALSE(answer);
  }
  // With that rule away they do: what was refused above was there.
  InServer("nft insert rule inet lethe client_to_world accept");
  EXPECT_TRUE(MachineOf(1).Pings(kManagement4));
  EXPECT_TRUE(MachineOf(1).Pings(kMetadata4));
  EXPECT_TRUE(MachineOf(3).Pings(kManagement6));
  InServer(
      "nft -f /etc/lethe/firewall.nft; ip address del 10.55.0.50/24 dev eth0; "
      "ip -6 address del fd55::50/64 dev eth0");
}

TEST_F(NetworkTest, RefusesACertificateThatWasRevoked) {
  const auto client = StartIdle(1, Vpn::kOpenVpnUdp, 0);
  const auto good = StartIdle(1, Vpn::kOpenVpnUdp, 1);
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return good->IsConnected(); })) << good->Log();
  EXPECT_FALSE(client->IsConnected());
}

}  // namespace
}  // namespace lethe::lab
