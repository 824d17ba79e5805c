// A real server in a network with real clients: what its tunnels carry, and what they keep out. One
// boot for all of it. The tests here are in the order in which they run.

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/strings.h"
#include "credentials.h"
#include "lab.h"
#include "server_view.h"
#include "tunnel.h"
#include "wire.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kBootTimeout(400);  // bounds a hang: a busy machine emulates slowly
constexpr seconds kReadyTimeout(60);
constexpr unsigned kClients = 52;
constexpr size_t kFarBytes = 1 << 20;

// The laboratory's own means: without them there is no test.
template <typename T>
T Must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  return std::move(result.value());
}

bool IsNightly() {
  const char* tier = std::getenv("LETHE_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "nightly";
}

class NetworkTest : public ::testing::Test {
 protected:
  struct World {
    ScratchDir scratch;
    std::unique_ptr<Wire> wire;
    Credentials credentials;
    std::unique_ptr<vm::Guest> guest;
    std::unique_ptr<ProbeClient> probe;
    std::unique_ptr<ServerView> server;
    std::vector<std::unique_ptr<Machine>> machines;
  };

  static void SetUpTestSuite() {
    auto scratch = Must(ScratchDir::Create(fs::temp_directory_path(), "net-"));
    auto wire = Must(Wire::Make(scratch.path()));
    auto credentials = Must(Credentials::Make(scratch.path() / "keys", kClients));
    auto files = Must(ExtractBootFiles(ImageUnderTest(), scratch.path()));
    AddProbe(files).value();
    vm::GuestConfig config;
    config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
    config.kernel = files.kernel;
    config.initrd = files.initrd;
    config.command_line = files.command_line;
    config.tap = kUplink;
    config.ports = {{"lethe.probe", {}, scratch.path() / "probe"}};
    auto guest = std::make_unique<vm::Guest>(Must(vm::Guest::Start(config, scratch.path())));
    auto probe = std::make_unique<ProbeClient>(scratch.path() / "probe");
    probe->WaitUntilUp(kBootTimeout).value();
    auto server = std::make_unique<ServerView>(*probe);
    ASSERT_TRUE(Eventually(kBootTimeout, [&] { return server->AllReady(); })) << guest->Log();
    ASSERT_TRUE(server->SwitchMeterOn());
    const Status installed = credentials.Install(*probe);
    ASSERT_TRUE(installed) << installed.error().message;
    world_ = new World{std::move(scratch), std::move(wire),   std::move(credentials),
                       std::move(guest),   std::move(probe), std::move(server), {}};
    for (unsigned i = 1; i <= 4; ++i) world_->machines.push_back(Must(Machine::Make(i)));
    ASSERT_TRUE(Eventually(kReadyTimeout, [&] { return world_->server->AllReady(); }));
    // It has both of its outer addresses.
    ASSERT_TRUE(Eventually(kReadyTimeout, [&] {
      const auto shown = world_->probe->Run({"/usr/sbin/ip", "-o", "address", "show", "scope", "global"});
      return shown && shown->find(kServer4) != std::string::npos &&
             shown->find(kServer6) != std::string::npos;
    }));
  }

  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }

  void SetUp() override {
    ASSERT_NE(world_, nullptr);
    ASSERT_TRUE(Eventually(kReadyTimeout, [] { return world_->server->AllReady(); }));
  }

  static Machine& MachineOf(unsigned number) { return *world_->machines.at(number - 1); }
  static std::unique_ptr<Tunnel> Connect(unsigned machine, Vpn vpn, bool outer_ipv6 = false) {
    auto tunnel = Tunnel::Open(MachineOf(machine), world_->credentials,
                               {vpn, machine, outer_ipv6, world_->scratch.path()});
    EXPECT_TRUE(tunnel) << tunnel.error().message;
    return tunnel ? std::move(*tunnel) : nullptr;
  }
  static std::string InServer(const std::string& script) {
    const auto out = world_->probe->Run({"/bin/sh", "-c", script});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : "";
  }

  static World* world_;
};

NetworkTest::World* NetworkTest::world_ = nullptr;

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

TEST_F(NetworkTest, CarriesBothFamiliesByEveryProtocolAndNothingLeaks) {
  for (const Vpn vpn : {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp, Vpn::kWireGuard}) {
    for (const bool outer_ipv6 : {false, true}) {
      SCOPED_TRACE(ToString(vpn) + (outer_ipv6 ? " over IPv6" : " over IPv4"));
      Machine& machine = MachineOf(1);
      const auto tunnel = Connect(1, vpn, outer_ipv6);
      ASSERT_TRUE(tunnel);
      const auto watch = LeakWatch::Start(machine, PortOf(vpn)).value();
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
  const auto watch = LeakWatch::Start(MachineOf(1), 1194).value();
  EXPECT_TRUE(MachineOf(1).Pings("192.0.2.1", "eth0"));
  EXPECT_TRUE(Eventually(seconds(5), [&] { return !watch->Leaks().empty(); }));
}

TEST_F(NetworkTest, TracksNoClientByItsOuterAddress) {
  const auto udp = Connect(1, Vpn::kOpenVpnUdp);
  const auto tcp = Connect(2, Vpn::kOpenVpnTcp, true);
  const auto wireguard = Connect(3, Vpn::kWireGuard);
  ASSERT_TRUE(udp && tcp && wireguard);
  for (unsigned i = 1; i <= 3; ++i) EXPECT_TRUE(MachineOf(i).Pings(kFar4));
  const std::string tracked = world_->probe->Read("proc:1/net/nf_conntrack").value();
  EXPECT_NE(tracked.find(udp->Address(false).value()), std::string::npos) << tracked;
  for (const char* outer : {"192.0.2.101", "192.0.2.102", "192.0.2.103",
                            "2001:0db8:0002:0000:0000:0000:0000:0102"})
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
  InServer("ip address replace 10.55.0.50/24 dev eth0; ip -6 address replace fd55::50/64 dev eth0 nodad");
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
    EXPECT_TRUE(machine.Pings(kFar4, tunnel.device()));
    for (const std::string& address : others) {
      if (address == own4 || address == own6) continue;
      EXPECT_FALSE(machine.Pings(address, tunnel.device()))
          << ToString(Vpn(i % 3)) << " " << own4 << " reaches " << address;
    }
    const auto answer = machine.Resolve(kServer4, false, false);
    EXPECT_FALSE(answer);
  }
  // With that rule away they do: what was refused above was there.
  InServer("nft insert rule inet lethe client_to_world accept");
  EXPECT_TRUE(MachineOf(1).Pings(kManagement4));
  EXPECT_TRUE(MachineOf(1).Pings(kMetadata4));
  EXPECT_TRUE(MachineOf(3).Pings(kManagement6));
  InServer("nft -f /etc/lethe/firewall.nft; ip address del 10.55.0.50/24 dev eth0; "
           "ip -6 address del fd55::50/64 dev eth0");
}

TEST_F(NetworkTest, RefusesACertificateThatWasRevoked) {
  const auto client = IdleClient::Start(MachineOf(1), world_->credentials,
                                        {Vpn::kOpenVpnUdp, 0, false, world_->scratch.path()})
                          .value();
  const auto good = IdleClient::Start(MachineOf(1), world_->credentials,
                                      {Vpn::kOpenVpnUdp, 1, false, world_->scratch.path()})
                        .value();
  EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return good->IsConnected(); })) << good->Log();
  EXPECT_FALSE(client->IsConnected());
}

// ---- What comes and goes ----

struct Cycles {
  unsigned count, batch;
};

void Connections(const std::vector<std::unique_ptr<IdleClient>>& clients) {
  for (const auto& client : clients)
    EXPECT_TRUE(Eventually(kReadyTimeout, [&] { return client->IsConnected(); })) << client->Log();
}

class CyclesTest : public NetworkTest, public ::testing::WithParamInterface<Vpn> {
 protected:
  static void Batch(unsigned clients) {
    if (GetParam() == Vpn::kWireGuard) {
      for (unsigned i = 0; i < clients; ++i) ASSERT_TRUE(Connect(1, Vpn::kWireGuard));
      return;
    }
    std::vector<std::unique_ptr<IdleClient>> here;
    for (unsigned i = 1; i <= clients; ++i) {
      here.push_back(IdleClient::Start(MachineOf(1), world_->credentials,
                                       {GetParam(), i, false, world_->scratch.path()})
                         .value());
    }
    Connections(here);
  }
};

TEST_P(CyclesTest, LeaveNothingBehind) {
  const Cycles cycles = IsNightly() ? Cycles{1000, 20} : Cycles{50, 10};
  Batch(cycles.batch);  // what is made once is made here
  std::vector<Holdings> seen;
  for (unsigned done = 0; done < cycles.count; done += cycles.batch) {
    Batch(cycles.batch);
    // A server forgets who left without a word after its timeout; UDP clients say so.
    ASSERT_TRUE(Eventually(kReadyTimeout, [] {
      const auto status = world_->server->Service(ToString(GetParam()));
      return status && status->clients.value_or(0) == 0;
    }) || GetParam() == Vpn::kWireGuard);
    seen.push_back(world_->server->Count().value());
    const Holdings& now = seen.back();
    std::printf("  after %4u: %llu descriptors, %llu KiB resident, %llu KiB slab, %llu tracked\n",
                done + cycles.batch, static_cast<unsigned long long>(now.descriptors),
                static_cast<unsigned long long>(now.resident_kib),
                static_cast<unsigned long long>(now.slab_kib),
                static_cast<unsigned long long>(now.tracked));
  }
  const auto& first = seen.front();
  const auto& last = seen.back();
  const double between = cycles.count - cycles.batch;
  EXPECT_LE(last.descriptors, first.descriptors);
  EXPECT_LE(last.processes, first.processes);
  const auto slope = [&](uint64_t from, uint64_t to) {
    return (static_cast<double>(to) - static_cast<double>(from)) / between;
  };
  const double allowed_kib = IsNightly() ? 0.5 : 8;  // per cycle; the less the longer it runs
  EXPECT_LT(slope(first.resident_kib, last.resident_kib), allowed_kib);
  EXPECT_LT(slope(first.slab_kib, last.slab_kib), 4 * allowed_kib);
}

INSTANTIATE_TEST_SUITE_P(Protocols, CyclesTest,
                         ::testing::Values(Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp, Vpn::kWireGuard),
                         [](const auto& vpn) {
                           if (vpn.param == Vpn::kWireGuard) return "WireGuard";
                           return vpn.param == Vpn::kOpenVpnUdp ? "OpenVpnUdp" : "OpenVpnTcp";
                         });

}  // namespace
}  // namespace lethe::lab
