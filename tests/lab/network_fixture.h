// One server and its network for all tests that ask what its tunnels carry and how its services
// come and go: booted once.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client_guest.h"
#include "credentials.h"
#include "lab.h"
#include "server_view.h"
#include "tunnel.h"
#include "wire.h"

namespace lethe::lab {

inline constexpr std::chrono::seconds kReadyTimeout(60);  // bounds a hang, as all of these do

bool IsNightly();

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
    std::unique_ptr<ClientGuest> client;
  };
  static constexpr unsigned kClients = 52;  // with credentials
  static constexpr unsigned kMachines = 4;
  static constexpr unsigned kGuestClient = 52;  // whose credentials the client guest has

  static void SetUpTestSuite();
  static void TearDownTestSuite();
  // Every service is ready.
  void SetUp() override;

  // The guest with Debian's clients, at home, without a connection. Boots when it is first asked
  // for.
  static ClientGuest& Client(bool guard = false);
  static Machine& MachineOf(unsigned number) { return *world_->machines.at(number - 1); }
  // The machine's number is the client's too. Null, and a failure, where it does not connect.
  static std::unique_ptr<Tunnel> Connect(unsigned machine, Vpn vpn, bool outer_ipv6 = false);
  // Clients `first` to `last` on one machine; a failure where one does not connect.
  static std::vector<std::unique_ptr<IdleClient>> ConnectIdle(unsigned machine, Vpn vpn,
                                                              unsigned first, unsigned last);
  static std::unique_ptr<IdleClient> StartIdle(unsigned machine, Vpn vpn, unsigned client);
  // Nothing was said by any service, nor is any output of one open.
  static void ExpectSilence();
  // Output of a shell in the server; a failure where it fails.
  static std::string InServer(const std::string& script);

  static World* world_;
};

}  // namespace lethe::lab
