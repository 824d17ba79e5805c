// How a server's services come and go: clients that connect and leave, a drain, daemons that are
// killed. And that none of them said a word meanwhile.

#include <map>

#include "base/strings.h"
#include "client/name_query.h"
#include "network_fixture.h"
#include "slope.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

constexpr unsigned kBatch = 10;

// `batch` connects and disconnects kBatch clients.
template <typename Batch>
void ExpectNoSlope(ServerView& server, const Batch& batch) {
  lab::ExpectNoSlope(server, {.cycles = IsNightly() ? 1000U : 50U, .batch = kBatch}, batch);
}

bool HasNoClient(ServerView& server, Vpn vpn) {
  return Eventually(kReadyTimeout, [&] {
    const auto status = server.Service(ToString(vpn));
    return status && status->clients == 0;
  });
}

TEST_F(NetworkTest, OpenVpnClientsLeaveNothingBehind) {
  for (const Vpn vpn : {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp}) {
    SCOPED_TRACE(ToString(vpn));
    ExpectNoSlope(*world_->server, [&] {
      {
        const auto clients = ConnectIdle(1, vpn, 1, kBatch);
        for (const auto& client : clients) client->Leave();
      }
      EXPECT_TRUE(HasNoClient(*world_->server, vpn)) << "the server does not notice that they left";
    });
  }
}

TEST_F(NetworkTest, WireGuardClientsLeaveNothingBehind) {
  ExpectNoSlope(*world_->server, [&] {
    for (unsigned i = 0; i < kBatch; ++i) {
      const auto tunnel = Connect(1, Vpn::kWireGuard);
      ASSERT_TRUE(tunnel);
    }
  });
}

// ---- Drain ----

TEST_F(NetworkTest, ADrainCutsNobodyBeforeItsDeadline) {
  constexpr unsigned kConnected = 50;
  const auto tunnel = Connect(1, Vpn::kOpenVpnUdp);
  const auto clients = ConnectIdle(2, Vpn::kOpenVpnUdp, 2, kConnected);
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(world_->server->Service("openvpn-udp").value().clients, kConnected);
  const auto begin = std::chrono::steady_clock::now();
  constexpr seconds kDeadline(25);
  InServer("lethe-vpnd ctl drain openvpn-udp --deadline 25 >/run/drain 2>&1 &");
  ASSERT_TRUE(Eventually(seconds(30), [] {
    return InServer("nft list set inet lethe closed_udp").find("1194") != std::string::npos;
  }));
  EXPECT_EQ(world_->server->Service("openvpn-udp").value().state, "draining");
  const auto late = StartIdle(3, Vpn::kOpenVpnUdp, kConnected + 1);
  const auto other = StartIdle(3, Vpn::kOpenVpnTcp, kConnected + 2);
  // Who is there goes on, who is new finds another way in.
  while (std::chrono::steady_clock::now() < begin + kDeadline - seconds(5)) {
    EXPECT_TRUE(MachineOf(1).Pings(kFar4));
    for (const auto& client : clients) ASSERT_FALSE(client->WasCut()) << client->Log();
    ::usleep(500000);
  }
  EXPECT_TRUE(other->IsConnected()) << other->Log();
  EXPECT_FALSE(late->IsConnected()) << late->Log();
  EXPECT_EQ(world_->server->Service("openvpn-udp").value().state, "draining");
  // At the deadline the daemon tells them to go elsewhere.
  EXPECT_TRUE(Eventually(seconds(30), [] {
    return world_->server->Service("openvpn-udp").value().state == "stopped";
  }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, kDeadline);
  EXPECT_TRUE(Eventually(seconds(30), [&] { return clients.front()->WasCut(); }));
  InServer("lethe-vpnd ctl start openvpn-udp");
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return late->IsConnected(); })) << late->Log();
  for (const auto& client : clients) client->Leave();
}

TEST_F(NetworkTest, ADrainEndsWhenTheLastClientHasLeft) {
  const auto clients = ConnectIdle(2, Vpn::kOpenVpnTcp, 1, 3);
  InServer("lethe-vpnd ctl drain openvpn-tcp --deadline 600 >/run/drain 2>&1 &");
  ASSERT_TRUE(Eventually(seconds(30), [] {
    return InServer("nft list set inet lethe closed_tcp").find("443") != std::string::npos;
  }));
  // A new connection is turned away at once.
  const auto late = StartIdle(3, Vpn::kOpenVpnTcp, 4);
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    return late->Log().find("Connection refused") != std::string::npos;
  })) << late->Log();
  for (const auto& client : clients) client->Leave();
  EXPECT_TRUE(Eventually(seconds(30), [] {
    return world_->server->Service("openvpn-tcp").value().state == "stopped";
  }));
  InServer("lethe-vpnd ctl start openvpn-tcp");
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return late->IsConnected(); })) << late->Log();
}

// ---- What is killed comes back ----

// Each program once, in its group, and nothing besides. A child has its parent's program until it
// runs its own, so one look alone may see one too many.
void ExpectNoOrphan(ServerView& server, ProbeClient& probe) {
  const std::map<std::string, int> expected = {
      {"/usr/sbin/lethe-vpnd", 1},  {"/usr/sbin/lethe-wireguard", 1},
      {"/usr/sbin/openvpn", 2},     {"/usr/sbin/unbound", 1},
      {"/usr/sbin/lethe-ikev2", 1}, {"/usr/sbin/charon-systemd", 1},
      {"/usr/sbin/xl2tpd", 1}};
  std::map<std::string, int> running;
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    running.clear();
    const auto processes = probe.Processes().value();
    for (const auto& process : processes)
      if (expected.contains(process.exe)) ++running[process.exe];
    return running == expected;
  })) << ::testing::PrintToString(running);
  for (const std::string service : kServices)
    EXPECT_EQ(server.Pids(service).value().size(), service == "ikev2" ? 2U : 1U) << service;
}

TEST_F(NetworkTest, DaemonsComeBackAfterKill9AndNoneSpeaks) {
  const auto tcp = ConnectIdle(2, Vpn::kOpenVpnTcp, 1, 1);
  const auto wireguard = Connect(1, Vpn::kWireGuard);
  ASSERT_TRUE(wireguard);
  for (const char* service : kServices) {
    SCOPED_TRACE(service);
    const auto before = world_->server->Pids(service).value();
    InServer("kill -9 " + before.at(0));
    EXPECT_TRUE(Eventually(seconds(30), [&] {
      const auto now = world_->server->Pids(service);
      return now && !now->empty() && *now != before &&
             world_->server->Service(service).value().state == "ready";
    }));
  }
  ExpectNoOrphan(*world_->server, *world_->probe);
  EXPECT_TRUE(MachineOf(1).Pings(kFar4)) << "WireGuard is the kernel's: nothing was cut";
  EXPECT_TRUE(MachineOf(1).Resolve(wireguard->server4(), false, false));
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return tcp[0]->connections() == 2; }))
      << tcp[0]->Log();
  ExpectSilence();
}

TEST_F(NetworkTest, ServicesComeBackAfterTheirManagerIsKilled) {
  const auto before = world_->server->AllPids().value();
  const auto manager = world_->server->Pids("manager").value();
  InServer("kill -9 " + manager.at(0));
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] {
    const auto now = world_->server->Pids("manager");
    return now && !now->empty() && *now != manager && world_->server->AllReady();
  }));
  for (const char* service : kServices)
    EXPECT_NE(world_->server->Pids(service).value(), before.at(service)) << service;
  ExpectNoOrphan(*world_->server, *world_->probe);
  const auto tunnel = Connect(1, Vpn::kOpenVpnUdp);
  EXPECT_TRUE(tunnel && MachineOf(1).Pings(kFar6));
  const auto wireguard = Connect(2, Vpn::kWireGuard);
  EXPECT_TRUE(wireguard && MachineOf(2).Pings(kFar4));
  ExpectSilence();
}

// Service files of a test's own take effect, and those of the image again when this goes.
class OtherServices {
 public:
  explicit OtherServices(ProbeClient& probe, const std::string& script) : probe_(probe) {
    Shell(
        "rm -rf /run/services && cp -r /etc/lethe/services /run/services && cd /run/services && " +
        script + " && lethe-vpnd ctl reload --from /run/services");
  }
  ~OtherServices() { Shell("lethe-vpnd ctl reload --from /etc/lethe/services"); }

 private:
  void Shell(const std::string& script) {
    const auto out = probe_.Run({"/bin/sh", "-c", script});
    EXPECT_TRUE(out) << out.error().message;
  }
  ProbeClient& probe_;
};

// The meter itself counts: a service that speaks shows.
TEST_F(NetworkTest, TheMeterCountsWhatAServiceSays) {
  const OtherServices services(
      *world_->probe,
      "printf 'command = [\"/usr/bin/sh\", \"-c\", \"echo hello; exec sleep 1000\"]\\nuser = "
      "\"resolver\"\\n' >loud.toml");
  EXPECT_TRUE(Eventually(seconds(30), [] {
    const auto status = world_->server->Service("loud");
    return status && status->discarded_bytes == 6;
  }));
}

// ---- Other files while clients are connected ----

// Echoes through a tunnel, 10 a second, while something happens to the server.
class Echoes {
 public:
  Echoes(Machine& machine, const Tunnel& tunnel)
      : client_(machine
                    .Start({"ping", "-n", "-i", "0.1", "-c", "100", "-w", "60", "-I",
                            tunnel.device(), kFar4},
                           log_.path() / "ping")
                    .value()) {}

  // The first hundred numbers are among the hundred answers for which it asks until it has them: a
  // machine that stops for a while makes it ask more, and an answer that never comes is missing.
  void ExpectAll() {
    (void)client_.Wait(seconds(90));
    const std::string said = ReadFile(log_.path() / "ping", 1 << 16).value();
    for (int number = 1; number <= 100; ++number) {
      EXPECT_NE(said.find(" icmp_seq=" + std::to_string(number) + " ttl="), std::string::npos)
          << number << " of\n"
          << said;
    }
  }

 private:
  ScratchDir log_ = ScratchDir::Create(std::filesystem::temp_directory_path(), "echoes-").value();
  ChildProcess client_;
};

// Limits, the drain's settings and signals are swapped under a running daemon; WireGuard reads its
// key anew. No packet of an established tunnel is lost, and no client counted out.
TEST_F(NetworkTest, AReloadDropsNoPacketOfATunnel) {
  const std::unique_ptr<Tunnel> tunnels[] = {
      Connect(1, Vpn::kOpenVpnUdp), Connect(2, Vpn::kOpenVpnTcp), Connect(3, Vpn::kWireGuard)};
  for (const auto& tunnel : tunnels) ASSERT_TRUE(tunnel);
  const auto before = world_->server->AllPids().value();
  std::vector<std::unique_ptr<Echoes>> echoes;
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(MachineOf(i + 1).Pings(kFar4));
    echoes.push_back(std::make_unique<Echoes>(MachineOf(i + 1), *tunnels[i]));
  }
  {
    const OtherServices services(
        *world_->probe,
        "sed -i 's|^memory_mib = 512|memory_mib = 400|; s|^tasks = 4|tasks = 5|' *");
    for (const char* service : {"openvpn-udp", "openvpn-tcp", "wireguard"}) {
      EXPECT_EQ(world_->server->GroupFile(service, "memory.max").value(),
                std::to_string(400 << 20) + "\n");
    }
  }
  for (const auto& echo : echoes) echo->ExpectAll();
  EXPECT_EQ(world_->server->AllPids().value(), before);
}

TEST_F(NetworkTest, AReloadWithAWrongFileChangesNothingAndSaysWhere) {
  const auto before = world_->server->AllPids().value();
  const auto refused = world_->probe->Run(
      {"/bin/sh", "-c",
       "rm -rf /run/bad && cp -r /etc/lethe/services /run/bad && echo 'typo = 1' "
       ">>/run/bad/wireguard.toml && lethe-vpnd ctl reload --from /run/bad 2>&1"});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("wireguard.toml:"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("typo"), std::string::npos) << refused.error().message;
  EXPECT_EQ(world_->server->AllPids().value(), before);
}

// With its words on the meter and not in /dev/null, the resolver still says nothing of who asks
// what.
TEST_F(NetworkTest, TheResolverSaysNothingOfQuestions) {
  const OtherServices services(
      *world_->probe,
      "sed 's|logfile: .*|logfile: \"\"|' /etc/unbound/lethe.conf "
      ">/run/lethe/resolver/metered.conf "
      "&& sed -i 's|/etc/unbound/lethe.conf|/run/lethe/resolver/metered.conf|' resolver.toml");
  const auto said = []() -> std::optional<int64_t> {
    const auto status = world_->server->Service("resolver");
    EXPECT_TRUE(status) << status.error().message;
    return status ? status->discarded_bytes : std::nullopt;
  };
  ASSERT_TRUE(Eventually(kReadyTimeout, [&] { return said().value_or(0) > 0; }))
      << "the line of its start";
  const auto at_start = said();
  const auto tunnel = Connect(1, Vpn::kOpenVpnUdp);
  ASSERT_TRUE(tunnel);
  for (const std::string& resolver : {tunnel->server4(), tunnel->server6()}) {
    EXPECT_TRUE(MachineOf(1).Resolve(resolver, true, false));
    EXPECT_TRUE(MachineOf(1).Resolve(resolver, false, true));
    for (const std::string& hostile : client::HostileQuestions())
      MachineOf(1).Inside([&] { (void)client::SendToNameServer(resolver, hostile); });
  }
  EXPECT_EQ(said(), at_start);
}

}  // namespace
}  // namespace lethe::lab
