// Every protocol, over IPv4 and IPv6, under everything that a network or a client may do to it: a
// table, each cell a test. In all of them nothing goes outside the tunnel, and the server says
// nothing and stays ready. Nightly: the cells take some twenty minutes where guests are emulated.

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/fd.h"
#include "base/strings.h"
#include "client/transfer.h"
#include "client/watch.h"
#include "frames.h"
#include "leak_watch.h"
#include "network_fixture.h"
#include "router.h"

namespace lethe::lab {
namespace {

using Flaw = Credentials::Flaw;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kSeed = 20261125;
constexpr size_t kFarBytes = 256 << 10;

enum class Condition {
  kWrongPassword,
  kExpiredCertificate,
  kWrongPresharedKey,
  kReplay,
  kMalformedPackets,
  kRoaming,
  kNarrowPath,
  kNat,
  kBadNetwork,
};

struct Cell {
  Vpn vpn;
  bool outer_ipv6;
  Condition condition;
  const char* outcome;  // of connecting, or of going on
};

constexpr const char* kGoesOn = "goes on";
constexpr const char* kComesBack = "comes back";  // by a new connection, which a person asks for

struct Row {
  Condition condition;
  const char* name;
  // For each Vpn in the order of its enumerators; null where there is no such thing.
  const char* outcomes[6];
};
// OpenVPN and IKEv2's certificates have no password, WireGuard has no certificate, …
constexpr Row kRows[] = {
    {Condition::kWrongPassword,
     "WrongPassword",
     {nullptr, nullptr, nullptr, "refused", nullptr, "refused"}},
    {Condition::kExpiredCertificate,
     "ExpiredCertificate",
     {"no-answer", "no-answer", nullptr, nullptr, "refused", nullptr}},
    {Condition::kWrongPresharedKey,
     "WrongPresharedKey",
     {nullptr, nullptr, "no-answer", nullptr, nullptr, "no-answer"}},
    {Condition::kReplay, "Replay", {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn}},
    {Condition::kMalformedPackets,
     "MalformedPackets",
     {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn}},
    {Condition::kRoaming, "Roaming", {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kComesBack}},
    {Condition::kNarrowPath, "Mtu1280", {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn}},
    {Condition::kNat, "Nat", {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn}},
    {Condition::kBadNetwork, "BadNetwork", {kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn, kGoesOn}},
};
constexpr Vpn kVpns[] = {Vpn::kOpenVpnUdp, Vpn::kOpenVpnTcp,       Vpn::kWireGuard,
                         Vpn::kIkev2,      Vpn::kIkev2Certificate, Vpn::kL2tp};
constexpr const char* kVpnNames[] = {"OpenVpnUdp", "OpenVpnTcp",       "WireGuard",
                                     "Ikev2",      "Ikev2Certificate", "L2tp"};

std::vector<Cell> Cells() {
  std::vector<Cell> out;
  if (!IsNightly()) return out;
  for (const Row& row : kRows) {
    for (const Vpn vpn : kVpns) {
      const char* outcome = row.outcomes[static_cast<size_t>(vpn)];
      if (outcome == nullptr) continue;
      for (const bool ipv6 : {false, true}) {
        if (ipv6 && vpn == Vpn::kL2tp) continue;  // xl2tpd speaks IPv4 outside, on both sides
        out.push_back({vpn, ipv6, row.condition, outcome});
      }
    }
  }
  return out;
}

std::string NameOf(const ::testing::TestParamInfo<Cell>& info) {
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& candidate) {
    return candidate.condition == info.param.condition;
  });
  return std::string(kVpnNames[static_cast<size_t>(info.param.vpn)]) +
         (info.param.outer_ipv6 ? "OverIpv6" : "OverIpv4") + row->name;
}

class MatrixTest : public NetworkTest, public ::testing::WithParamInterface<Cell> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(NetworkTest::SetUp());
    client_ = &Client(IsFailure());
    before_ = Restarts();
    watch_ = LeakWatch::Start(client_->cable(), GetParam().vpn).value();
  }
  void TearDown() override {
    if (client_ == nullptr) return;
    EXPECT_EQ(watch_->Leaks(), std::vector<std::string>());
    client_->Disconnect();
    client_->cable().Mend();
    const auto services = world_->server->Services().value();
    for (const auto& service : services)
      EXPECT_EQ(service.state, "ready") << service.name << ": " << service.reason;
    ExpectSilence();
    EXPECT_EQ(Restarts(), before_);
  }

  static bool IsFailure() { return GetParam().condition <= Condition::kWrongPresharedKey; }
  static std::map<std::string, int64_t> Restarts() {
    std::map<std::string, int64_t> out;
    const auto services = world_->server->Services().value();
    for (const auto& service : services) out[service.name] = service.restarts;
    return out;
  }

  std::string Connect(Flaw flaw = Flaw::kNone) {
    const bool silence = GetParam().outcome == std::string("no-answer") && flaw != Flaw::kNone;
    const auto connection = client_->Connect(
        world_->credentials.ConnectRequest(kGuestClient, GetParam().vpn,
                                           GetParam().outer_ipv6 ? kServer6 : kServer4, flaw),
        silence ? seconds(20) : seconds(90));
    if (!connection) return connection.error().message;
    connection_ = *connection;
    return connection->outcome;
  }
  void ExpectCarries() {
    const auto far = FarServer::Start(kFarBytes, kFar4).value();
    const auto bytes = client_->FetchFrom(kFar4, far->port());
    EXPECT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(bytes ? *bytes : 0, kFarBytes);
    ASSERT_FALSE(connection_.name_servers.empty()) << client_->Log();
    // Over UDP: it may be lost on a bad network.
    EXPECT_TRUE(Eventually(seconds(30), [&] {
      const auto answer = client_->Resolve(connection_.name_servers[0], false, false);
      return answer && *answer == kFar4;
    }));
    EXPECT_GT(watch_->vpn_packets(), 50U);
  }
  bool PingsFar(seconds timeout) {
    return Eventually(timeout, [&] {
      const auto back = client_->Ping(kFar4, 2, 56);
      return back && *back > 0;
    });
  }

  void IsRefused(Flaw flaw);
  void IsReplayed();
  void HearsNonsense();
  void Roams();

  ClientGuest* client_ = nullptr;
  std::unique_ptr<LeakWatch> watch_;
  std::map<std::string, int64_t> before_;
  ClientGuest::Connected connection_;
};

void MatrixTest::IsRefused(Flaw flaw) {
  EXPECT_EQ(Connect(flaw), GetParam().outcome) << client_->Log();
  // It tries to talk all the same: its own guard keeps that in, and nothing of the server's helps.
  const auto held = [&] {
    const auto state = client_->State();
    const json::Value* value = state ? state->Find("held_packets") : nullptr;
    return value == nullptr ? -1 : *value->AsInteger();
  };
  const int64_t before = held();
  EXPECT_FALSE(client_->Resolve(kFar4, false, false));
  const auto pings = client_->Ping(kFar4, 2, 56);
  EXPECT_FALSE(pings && *pings > 0);
  EXPECT_GT(held(), before);
  EXPECT_EQ(Connect(), "up") << "the service is not there for others any more: " << client_->Log();
  ExpectCarries();
}

// Echo requests that came out of the server to the far host.
uint64_t EchoRequests(client::Watch& uplink) {
  uint64_t count = 0;
  for (const auto& [flow, packets] : uplink.Take())
    if (flow.protocol == 1 && flow.from_port == 8 && flow.to == kFar4) count += packets;
  return count;
}

void MatrixTest::IsReplayed() {
  client_->cable().Record(4000);  // with the handshake
  ASSERT_EQ(Connect(), "up") << client_->Log();
  const auto uplink = client::Watch::Start(kUplink).value();
  ASSERT_EQ(client_->Ping(kFar4, 10, 56).value(), 10);
  const auto recorded = client_->cable().Recorded();
  EXPECT_EQ(EchoRequests(*uplink), 10U);
  client_->cable().Record(0);
  ASSERT_GT(recorded.size(), 10U);
  for (int round = 0; round < 2; ++round) {
    for (const std::string& frame : recorded) {
      client_->cable().Inject(frame);
      ::usleep(1000);
    }
  }
  ::usleep(2000000);
  EXPECT_EQ(EchoRequests(*uplink), 0U) << "what was sent once was carried twice";
  EXPECT_TRUE(PingsFar(seconds(20))) << client_->Log();
  ExpectCarries();
}

void SendNoiseByTcp(const std::string& server, uint32_t seed) {
  const auto to = client::ParseSocketAddress(server, PortOf(Vpn::kOpenVpnTcp)).value();
  const Fd fd(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), to.get(), to.size) != 0) return;
  std::mt19937 generator(seed);
  std::string noise(1 + generator() % 4000, '\0');
  for (char& byte : noise) byte = static_cast<char>(generator());
  (void)::send(fd.get(), noise.data(), noise.size(), MSG_NOSIGNAL);
}

void MatrixTest::HearsNonsense() {
  client_->cable().Record(4000);
  // charon lets whoever left many beginnings open wait for half a minute, as the cell before may
  // have.
  ASSERT_TRUE(Eventually(seconds(60), [&] { return Connect() == "up"; })) << client_->Log();
  EXPECT_TRUE(PingsFar(seconds(20)));
  const auto recorded = client_->cable().Recorded();
  client_->cable().Record(0);
  auto hostile = Malformed(recorded, 400, kSeed);
  if (GetParam().vpn == Vpn::kOpenVpnTcp) {
    // In connections of their own: a stream's bytes come to the daemon only from within one.
    ASSERT_TRUE(hostile.empty());
    for (uint32_t i = 0; i < 20; ++i)
      MachineOf(1).Inside([&] { SendNoiseByTcp(GetParam().outer_ipv6 ? kServer6 : kServer4, i); });
  } else {
    ASSERT_EQ(hostile.size(), 400U);
  }
  for (const std::string& frame : hostile) {
    client_->cable().Inject(frame);
    ::usleep(2000);
  }
  // OpenVPN's control channel has no key: who forges its packets makes it begin anew, a minute
  // later.
  EXPECT_TRUE(PingsFar(seconds(150))) << client_->Log();
  ExpectCarries();
}

void MatrixTest::Roams() {
  ASSERT_EQ(Connect(), "up") << client_->Log();
  EXPECT_TRUE(PingsFar(seconds(20)));
  const auto inside = connection_.addresses;
  const Status away = client_->Uplink(kGuestAway, false);
  ASSERT_TRUE(away) << away.error().message;
  if (GetParam().outcome == std::string(kComesBack)) {
    client_->Disconnect();
    EXPECT_EQ(Connect(), "up") << client_->Log();
    return ExpectCarries();
  }
  // TCP has to give up its old connection first.
  EXPECT_TRUE(PingsFar(seconds(180))) << client_->Log();
  const auto state = client_->State().value();
  EXPECT_EQ(state.Find("addresses")->AsArray()->size(), inside.size());
  ExpectCarries();
}

TEST_P(MatrixTest, HoldsItsPromises) {
  switch (GetParam().condition) {
    case Condition::kWrongPassword:
      return IsRefused(Flaw::kWrongPassword);
    case Condition::kExpiredCertificate:
      return IsRefused(Flaw::kExpiredCertificate);
    case Condition::kWrongPresharedKey:
      return IsRefused(Flaw::kWrongPresharedKey);
    case Condition::kReplay:
      return IsReplayed();
    case Condition::kMalformedPackets:
      return HearsNonsense();
    case Condition::kRoaming:
      return Roams();
    case Condition::kNarrowPath: {
      const auto path = NarrowPath::Start(1280).value();
      ASSERT_EQ(Connect(), "up") << client_->Log();
      EXPECT_GT(client_->Ping(kFar4, 5, 1300).value(), 2);
      return ExpectCarries();
    }
    case Condition::kNat: {
      const auto nat = Nat::Start().value();
      const auto uplink = client::Watch::Start(kUplink).value();
      ASSERT_EQ(Connect(), "up") << client_->Log();
      ExpectCarries();
      for (const auto& [flow, packets] : uplink->Take()) {
        if (client::IsPathError(flow)) continue;  // of what the server sent to who was here before
        EXPECT_TRUE(flow.from != kGuestHome.ipv4 && flow.from != kGuestHome.ipv6)
            << "no NAT: " << client::ToString(flow) << ", " << packets << " packets";
      }
      return;
    }
    case Condition::kBadNetwork:
      client_->cable().Impair({.drop = 0.03,
                               .duplicate = 0.03,
                               .reorder = 0.03,
                               .delay = milliseconds(10),
                               .jitter = milliseconds(5)},
                              kSeed);
      ASSERT_EQ(Connect(), "up") << client_->Log();
      return ExpectCarries();
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MatrixTest);
INSTANTIATE_TEST_SUITE_P(Nightly, MatrixTest, ::testing::ValuesIn(Cells()), NameOf);

}  // namespace
}  // namespace lethe::lab
