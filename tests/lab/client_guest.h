// A guest with Debian's own VPN clients (recipes/vpn-client), on a cable of its own, driven over a
// virtio port (docs/formats/client-channel.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cable.h"
#include "json/json.h"
#include "vm/guest.h"

namespace lethe::lab {

// Its addresses on the clients' network. Roaming takes it to the others.
struct OuterAddresses {
  const char* ipv4;
  const char* ipv6;
};
inline constexpr OuterAddresses kGuestHome = {"192.0.2.160", "2001:db8:2::160"};
inline constexpr OuterAddresses kGuestAway = {"192.0.2.161", "2001:db8:2::161"};

class ClientGuest {
 public:
  // Boots $LETHE_LAB_CLIENT_ISO on a cable to the bridge "clients". `directory` must outlive it.
  static Result<std::unique_ptr<ClientGuest>> Boot(const std::filesystem::path& directory);

  // Returns when it answers.
  Status WaitUntilUp(std::chrono::seconds timeout);

  // The next answer after the line, whatever it is; with an id, the next that has it: one that came
  // too late for whoever asked is passed over.
  Result<json::Value> AskLine(const std::string& line, std::chrono::seconds timeout,
                              std::optional<int64_t> id = {});
  // The result of a request, to which an id is added. An error where it was refused or failed:
  // the message has the name of the reason.
  Result<json::Value> Ask(json::Object request, std::chrono::seconds timeout);

  // With its default routes. `guard`: nothing but the VPN leaves it.
  Status Uplink(const OuterAddresses& outer, bool guard);

  struct Connected {
    std::string outcome;  // "up", or why not
    std::string device;
    std::vector<std::string> addresses, name_servers;
    int64_t took_ms = 0;
  };
  Result<Connected> Connect(json::Object request,
                            std::chrono::seconds timeout = std::chrono::seconds(60));
  // No error where it was not connected.
  void Disconnect();

  Result<std::string> Resolve(const std::string& server, bool ipv6, bool tcp);
  // How many of `count` pings of that size came back.
  Result<int64_t> Ping(const std::string& address, unsigned count, unsigned size);
  Result<size_t> FetchFrom(const std::string& address, unsigned port);
  Result<json::Value> State();
  // What the client said.
  std::string Log();

  Cable& cable() { return *cable_; }

 private:
  ClientGuest(std::unique_ptr<Cable> cable, vm::Guest guest, std::filesystem::path socket)
      : cable_(std::move(cable)), guest_(std::move(guest)), socket_(std::move(socket)) {}

  std::unique_ptr<Cable> cable_;
  vm::Guest guest_;
  std::filesystem::path socket_;
  int64_t next_id_ = 1;
};

}  // namespace lethe::lab
