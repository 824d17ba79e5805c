// A real VPN client on a machine of the laboratory, with all of the machine's traffic in its
// tunnel.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/process.h"
#include "base/result.h"
#include "credentials.h"
#include "wire.h"

namespace lethe::lab {

class Tunnel {
 public:
  struct Options {
    Vpn vpn;
    unsigned client;  // whose credentials
    bool outer_ipv6 = false;
    std::filesystem::path directory;  // for files and the client's own words
  };
  // Returns when the tunnel is up; an error has what the client said.
  static Result<std::unique_ptr<Tunnel>> Open(Machine& machine, const Credentials& credentials,
                                              const Options& options);

  const std::string& device() const { return device_; }
  // The server's addresses inside, which are those of the clients' resolver.
  const std::string& server4() const { return server4_; }
  const std::string& server6() const { return server6_; }
  // The client's own, inside.
  Result<std::string> Address(bool ipv6) const;
  std::string Log() const;

 private:
  Tunnel(Machine& machine, ChildProcess client) : machine_(machine), client_(std::move(client)) {}
  static Result<std::unique_ptr<Tunnel>> OpenOpenVpn(Machine& machine,
                                                     const Credentials& credentials,
                                                     const Options& options);
  static Result<std::unique_ptr<Tunnel>> OpenWireGuard(Machine& machine,
                                                       const Credentials& credentials,
                                                       const Options& options);

  Machine& machine_;
  ChildProcess client_;
  std::string device_, server4_, server6_;
  std::filesystem::path log_;
};

// An OpenVPN client that connects and carries nothing: many fit on one machine.
class IdleClient {
 public:
  static Result<std::unique_ptr<IdleClient>> Start(Machine& machine, const Credentials& credentials,
                                                   const Tunnel::Options& options);
  bool IsConnected() const;
  // How often its connection was made.
  size_t connections() const;
  // Whether the server told it to leave, or it lost the server.
  bool WasCut() const;
  std::string Log() const;
  // Asks it to end; that it has is sure when its owner goes.
  void Leave();

 private:
  explicit IdleClient(ChildProcess client) : client_(std::move(client)) {}
  ChildProcess client_;
  std::filesystem::path log_;
};

}  // namespace lethe::lab
