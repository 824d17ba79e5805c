#include "network_fixture.h"

#include <algorithm>
#include <cstdlib>

#include "resilience.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds kBootTimeout(400);  // bounds a hang: a busy machine emulates slowly

// The laboratory's own means: without them there is no test.
template <typename T>
T Must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message.c_str());
  return std::move(result.value());
}

}  // namespace

bool IsNightly() {
  const char* tier = std::getenv("LETHE_TEST_TIER");
  return tier != nullptr && std::string_view(tier) == "nightly";
}

NetworkTest::World* NetworkTest::world_ = nullptr;

void NetworkTest::SetUpTestSuite() {
  auto scratch = Must(ScratchDir::Create(fs::temp_directory_path(), "net-"));
  auto wire = Must(Wire::Make(scratch.path()));
  auto credentials = Must(Credentials::Make(scratch.path() / "keys", kClients));
  auto files = Must(ExtractBootFiles(ImageUnderTest(), scratch.path()));
  ASSERT_TRUE(AddProbe(files));
  vm::GuestConfig config;
  config.accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg;
  config.kernel = files.kernel;
  config.initrd = files.initrd;
  config.command_line = files.command_line;
  config.tap = kUplink;
  config.ports = {{"lethe.probe", {}, scratch.path() / "probe"}};
  auto guest = std::make_unique<vm::Guest>(Must(vm::Guest::Start(config, scratch.path())));
  auto probe = std::make_unique<ProbeClient>(scratch.path() / "probe");
  ASSERT_TRUE(probe->WaitUntilUp(kBootTimeout)) << guest->Log();
  auto server = std::make_unique<ServerView>(*probe);
  ASSERT_TRUE(Eventually(kBootTimeout, [&] { return server->AllReady(); })) << guest->Log();
  ASSERT_TRUE(MeterServices(*probe));
  const Status installed = credentials.Install(*probe);
  ASSERT_TRUE(installed) << installed.error().message;
  world_ = new World{std::move(scratch),
                     std::move(wire),
                     std::move(credentials),
                     std::move(guest),
                     std::move(probe),
                     std::move(server),
                     {},
                     nullptr};
  for (unsigned i = 1; i <= kMachines; ++i) world_->machines.push_back(Must(Machine::Make(i)));
  // It has both of its outer addresses.
  ASSERT_TRUE(Eventually(kReadyTimeout, [&] {
    const auto shown =
        world_->probe->Run({"/usr/sbin/ip", "-o", "address", "show", "scope", "global"});
    return shown && shown->find(kServer4) != std::string::npos &&
           shown->find(kServer6) != std::string::npos;
  }));
}

void NetworkTest::TearDownTestSuite() {
  delete world_;
  world_ = nullptr;
}

void NetworkTest::SetUp() {
  ASSERT_NE(world_, nullptr);
  ASSERT_TRUE(Eventually(kReadyTimeout, [] { return world_->server->AllReady(); }));
}

ClientGuest& NetworkTest::Client(bool guard) {
  if (!world_->client) {
    world_->client = Must(ClientGuest::Boot(world_->scratch.path() / "client"));
    const Status up = world_->client->WaitUntilUp(kBootTimeout);
    EXPECT_TRUE(up) << up.error().message;
  }
  world_->client->Disconnect();
  world_->client->cable().Mend();
  const Status at_home = world_->client->Uplink(kGuestHome, guard);
  EXPECT_TRUE(at_home) << at_home.error().message;
  return *world_->client;
}

std::unique_ptr<Tunnel> NetworkTest::Connect(unsigned machine, Vpn vpn, bool outer_ipv6) {
  auto tunnel = Tunnel::Open(MachineOf(machine), world_->credentials,
                             {vpn, machine, outer_ipv6, world_->scratch.path()});
  EXPECT_TRUE(tunnel) << tunnel.error().message;
  return tunnel ? std::move(*tunnel) : nullptr;
}

std::unique_ptr<IdleClient> NetworkTest::StartIdle(unsigned machine, Vpn vpn, unsigned client) {
  return Must(IdleClient::Start(MachineOf(machine), world_->credentials,
                                {vpn, client, false, world_->scratch.path()}));
}

std::vector<std::unique_ptr<IdleClient>> NetworkTest::ConnectIdle(unsigned machine, Vpn vpn,
                                                                  unsigned first, unsigned last) {
  std::vector<std::unique_ptr<IdleClient>> clients;
  for (unsigned i = first; i <= last; ++i) clients.push_back(StartIdle(machine, vpn, i));
  const bool all = Eventually(2 * kReadyTimeout, [&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const auto& client) { return client->IsConnected(); });
  });
  EXPECT_TRUE(all) << clients.back()->Log();
  return clients;
}

void NetworkTest::ExpectSilence() {
  const auto services = world_->server->Services().value();
  for (const auto& service : services) {
    EXPECT_EQ(service.discarded_bytes, 0) << service.name;
    EXPECT_EQ(service.unsealed, 0) << service.name;
  }
}

std::string NetworkTest::InServer(const std::string& script) {
  const auto out = world_->probe->Run({"/bin/sh", "-c", script});
  EXPECT_TRUE(out) << out.error().message;
  return out ? *out : "";
}

}  // namespace lethe::lab
