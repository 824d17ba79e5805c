// IKEv2 and L2TP in the server's kernel: what comes up where no module can be loaded any more, and
// that nothing of it stays when a client leaves or a daemon is killed.

#include "base/strings.h"
#include "client/watch.h"
#include "network_fixture.h"
#include "prober.h"
#include "slope.h"

namespace lethe::lab {
namespace {

using std::chrono::seconds;

// "  KEY = a, b" of charon's connections, the nth of them.
std::vector<std::string> Proposals(const std::string& file, std::string_view key, size_t nth) {
  std::vector<std::string> out;
  for (const auto line : Lines(file)) {
    const auto words = Words(line);
    if (words.size() < 3 || words[0] != key || words[1] != "=" || nth-- > 0) continue;
    for (size_t i = 2; i < words.size(); ++i)
      out.emplace_back(words[i].substr(0, words[i].find(',')));
    break;
  }
  return out;
}

class IpsecTest : public NetworkTest {
 protected:
  static void SetUpTestSuite() {
    if (IsNightly()) NetworkTest::SetUpTestSuite();
  }
  void SetUp() override {
    if (!IsNightly()) GTEST_SKIP() << "nightly";
    NetworkTest::SetUp();
  }

  // Connects with these proposals alone, and sees that they carry something.
  static void ExpectComesUp(Vpn vpn, const std::string& ike, const std::string& esp) {
    SCOPED_TRACE(ToString(vpn) + " " + ike + " " + esp);
    ClientGuest& client = Client();
    json::Object request = world_->credentials.ConnectRequest(kGuestClient, vpn, kServer4);
    request.emplace("ike", ike);
    request.emplace("esp", esp);
    const auto connection = client.Connect(std::move(request));
    ASSERT_TRUE(connection) << connection.error().message;
    EXPECT_EQ(connection->outcome, "up") << client.Log();
    const auto back = client.Ping(kFar4, 3, 56);
    EXPECT_TRUE(back && *back > 0) << client.Log();
    client.Disconnect();
  }

  static std::string Connect(Vpn vpn) {
    const auto connection =
        Client().Connect(world_->credentials.ConnectRequest(kGuestClient, vpn, kServer4));
    return connection ? connection->outcome : connection.error().message;
  }

  // What clients have in the server's kernel: security associations, policies of IKEv2 and of L2TP,
  // tunnels, interfaces, routes.
  static std::string Remains() {
    const auto lines_with = [](const char* command, std::string_view word) {
      const std::string text = InServer(command);
      size_t count = 0;
      for (const auto line : Lines(text)) count += line.find(word) != line.npos;
      return std::to_string(count) + " ";
    };
    return lines_with("ip xfrm state list", "src ") +
           lines_with("ip xfrm policy list", "if_id 0x1") +
           lines_with("ip xfrm policy list", "proto udp") +
           lines_with("ip l2tp show tunnel", "Tunnel ") +
           lines_with("ip -o link show type ppp", "ppp") + lines_with("ip route show", "ppp") +
           std::to_string(PidsOf("/usr/sbin/pppd").size());
  }
  static std::vector<int> PidsOf(const std::string& program) {
    std::vector<int> out;
    const auto processes = world_->probe->Processes().value();
    for (const auto& process : processes)
      if (process.exe == program) out.push_back(process.pid);
    return out;
  }
  static void ExpectNothingRemains() {
    constexpr seconds kForgotten(150);  // for a peer that is gone without a word
    EXPECT_TRUE(Eventually(kForgotten, [] { return Remains() == kNothing; })) << Remains();
  }
  static constexpr const char* kNothing = "0 0 0 0 0 0 0";

  static std::string StateOf(const std::string& service) {
    const auto status = world_->server->Service(service);
    return status ? status->state : status.error().message;
  }
  static void StartDrain(const std::string& service, unsigned deadline_s) {
    InServer("lethe-vpnd ctl drain " + service + " --deadline " + std::to_string(deadline_s) +
             " >/run/drain 2>&1 &");
    ASSERT_TRUE(Eventually(seconds(30), [&] {
      return InServer("nft list set inet lethe closed_udp").find("elements") != std::string::npos;
    }));
    EXPECT_EQ(StateOf(service), "draining");
  }
  // That many clients at once, which come and go.
  static void ProbeMany(Vpn vpn, unsigned clients) {
    std::map<std::string, std::string> targets;
    for (unsigned i = 1; i <= clients; ++i)
      targets[std::to_string(i)] = world_->credentials.ProberTarget(i, vpn, kServer4);
    const auto said = Probe(MachineOf(1), targets, world_->scratch.path());
    ASSERT_TRUE(said) << said.error().message;
    for (const auto& [name, answer] : *said) EXPECT_EQ(answer.reason, "ready") << name;
  }
  // What the prober, another client, gets meanwhile.
  static std::string Newcomer(Vpn vpn) {
    const auto said =
        Probe(MachineOf(1), {{"newcomer", world_->credentials.ProberTarget(9, vpn, kServer4)}},
              world_->scratch.path());
    return said ? said->at("newcomer").reason : said.error().message;
  }
};

TEST_F(IpsecTest, EachProposalOfTheRecipeComesUpWithoutAModule) {
  EXPECT_EQ(InServer("cat /proc/sys/kernel/modules_disabled"), "1\n");
  const std::string file = world_->probe->Read("/etc/ikev2/swanctl.conf").value();
  constexpr Vpn kOffered[] = {Vpn::kIkev2, Vpn::kL2tp};
  for (size_t i = 0; i < std::size(kOffered); ++i) {
    const auto ike = Proposals(file, "proposals", i), esp = Proposals(file, "esp_proposals", i);
    ASSERT_GE(ike.size(), 3U);
    ASSERT_GE(esp.size(), 3U);
    for (const std::string& proposal : ike) ExpectComesUp(kOffered[i], proposal, esp[0]);
    for (const std::string& proposal : esp) ExpectComesUp(kOffered[i], ike[0], proposal);
  }
}

TEST_F(IpsecTest, WhatTheRecipeDoesNotOfferDoesNotComeUp) {
  ClientGuest& client = Client();
  json::Object request = world_->credentials.ConnectRequest(kGuestClient, Vpn::kIkev2, kServer4);
  request.emplace("ike", "aes128-sha1-modp1024");
  const auto connection = client.Connect(std::move(request));
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(connection->outcome, "no-proposal") << client.Log();
}

// Many more than the guest can make: memory that grows by little shows. charon keeps an
// association's timers, without a name, until they would have been due: that is what it may grow
// by.
TEST_F(IpsecTest, ManyHandshakesLeaveNothingBehind) {
  for (const Vpn vpn : {Vpn::kIkev2, Vpn::kL2tp}) {
    SCOPED_TRACE(ToString(vpn));
    const unsigned at_once = vpn == Vpn::kL2tp ? 1 : 10;  // of L2TP, one behind an address
    ExpectNoSlope(*world_->server, {.cycles = 50 * at_once, .batch = at_once},
                  [&] { ProbeMany(vpn, at_once); });
    ExpectNothingRemains();
  }
}

// What is made in the first hundred is there.
TEST_F(IpsecTest, StockClientsLeaveNothingBehind) {
  for (int i = 0; i < 10; ++i) ProbeMany(Vpn::kIkev2, 10);
  for (const Vpn vpn : {Vpn::kIkev2, Vpn::kL2tp}) {
    SCOPED_TRACE(ToString(vpn));
    ExpectNoSlope(*world_->server, {.cycles = 50, .batch = 5}, [&] {
      for (int i = 0; i < 5; ++i) {
        ASSERT_EQ(Connect(vpn), "up") << Client().Log();
        Client().Disconnect();
      }
    });
    ExpectNothingRemains();
  }
}

TEST_F(IpsecTest, KilledDaemonsLeaveNothingInTheKernel) {
  const struct {
    Vpn vpn;
    const char* program;
  } kKilled[] = {{Vpn::kIkev2, "lethe-ikev2"},
                 {Vpn::kIkev2, "charon-systemd"},
                 {Vpn::kL2tp, "charon-systemd"},
                 {Vpn::kL2tp, "xl2tpd"},
                 {Vpn::kL2tp, "pppd"}};
  for (const auto& [vpn, program] : kKilled) {
    SCOPED_TRACE(ToString(vpn) + ": " + program);
    ASSERT_EQ(Connect(vpn), "up") << Client().Log();
    EXPECT_NE(Remains(), kNothing);
    const auto pids = PidsOf(std::string("/usr/sbin/") + program);
    ASSERT_EQ(pids.size(), 1U);
    InServer("kill -9 " + std::to_string(pids[0]));
    EXPECT_TRUE(Eventually(seconds(60), [] { return world_->server->AllReady(); }));
    Client();  // which leaves, without a word that a server takes
    ExpectNothingRemains();
    ASSERT_EQ(Connect(vpn), "up") << "after the kill: " << Client().Log();
    Client().Disconnect();
  }
  ExpectSilence();
}

TEST_F(IpsecTest, ADrainTakesNobodyNewAndCutsNobodyBeforeItsDeadline) {
  constexpr seconds kDeadline(60);
  const std::pair<Vpn, const char*> kTurnedAway[] = {{Vpn::kIkev2, "no-answer"},
                                                     {Vpn::kL2tp, "timeout"}};
  for (const auto& [vpn, reason] : kTurnedAway) {
    SCOPED_TRACE(ToString(vpn));
    ASSERT_EQ(Connect(vpn), "up") << Client().Log();
    ClientGuest& client = *world_->client;
    const auto begin = std::chrono::steady_clock::now();
    StartDrain(ToString(vpn), static_cast<unsigned>(kDeadline.count()));
    EXPECT_EQ(Newcomer(vpn), reason);
    EXPECT_EQ(client.Ping(kFar4, 5, 56).value(), 5) << client.Log();
    EXPECT_EQ(StateOf(ToString(vpn)), "draining");
    EXPECT_TRUE(Eventually(seconds(90), [&] { return StateOf(ToString(vpn)) == "stopped"; }));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, kDeadline);
    InServer("lethe-vpnd ctl start " + ToString(vpn));
    EXPECT_TRUE(Eventually(seconds(60), [] { return world_->server->AllReady(); }));
    Client();
    ExpectNothingRemains();
    EXPECT_EQ(Newcomer(vpn), "ready");
  }
}

// RFC 5685: clients that can be sent to another gateway go there, and the drain is over.
TEST_F(IpsecTest, ADrainSendsClientsToTheGatewayThatIsNamed) {
  ASSERT_EQ(Connect(Vpn::kIkev2), "up") << Client().Log();
  const auto watch = client::Watch::Start("clients").value();
  InServer(std::string("echo ") + kFar4 + " >/run/lethe/keys/ikev2/redirect");
  StartDrain("ikev2", 600);
  EXPECT_TRUE(Eventually(seconds(30), [&] {
    for (const auto& [flow, packets] : watch->Take())
      if (flow.protocol == 17 && flow.to == kFar4 && flow.to_port == 500) return true;
    return false;
  })) << world_->client->Log();
  EXPECT_TRUE(Eventually(seconds(60), [] { return StateOf("ikev2") == "stopped"; }))
      << "the client did not leave: " << world_->client->Log();
  InServer("rm /run/lethe/keys/ikev2/redirect; lethe-vpnd ctl start ikev2");
  Client();
  EXPECT_TRUE(Eventually(seconds(60), [] { return world_->server->AllReady(); }));
  ExpectNothingRemains();
  EXPECT_EQ(Connect(Vpn::kIkev2), "up") << Client().Log();
  Client();
}

}  // namespace
}  // namespace lethe::lab
