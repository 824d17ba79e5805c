// The network around a server under test, in the laboratory's own namespace: the server's uplink,
// a far host with a name server, what a client must never reach, and clients in namespaces of their
// own, each behind a cable of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "base/subprocess.h"

namespace lethe::lab {

// Documentation networks (RFC 5737, RFC 3849) are the Internet here. The server gets its addresses
// by DHCP and by router advertisements, as at home.
inline constexpr const char* kUplink = "uplink";
inline constexpr const char* kServer4 = "198.51.100.50";
inline constexpr const char* kServer6 = "2001:db8:1:0:5054:ff:fe12:3456";  // of QEMU's first card
inline constexpr const char* kFar4 = "203.0.113.80";
inline constexpr const char* kFar6 = "2001:db8:80::1";
inline constexpr const char* kFarName = "lab.example";  // has both addresses of the far host
// The router's addresses in the server's own network, and what only the server may reach.
inline constexpr const char* kManagement4 = "10.55.0.1";
inline constexpr const char* kMetadata4 = "169.254.169.254";
inline constexpr const char* kManagement6 = "fd55::1";

class Wire {
 public:
  // kUnavailable where a program is missing. One at a time.
  static Result<std::unique_ptr<Wire>> Make(const std::filesystem::path& scratch);
  ~Wire();

 private:
  explicit Wire(ChildProcess services) : services_(std::move(services)) {}
  ChildProcess services_;  // DHCP, router advertisements, the far name server
};

// A client's machine: a network namespace with an Ethernet to the wire.
class Machine {
 public:
  // `number` 1 to 99 makes its name and its addresses.
  static Result<std::unique_ptr<Machine>> Make(unsigned number);
  ~Machine();

  const std::string& name() const { return name_; }
  Result<ChildProcess> Start(std::vector<std::string> argv, const std::filesystem::path& log);
  Result<CommandResult> Run(std::vector<std::string> argv);
  // Calls `work` on a thread that is in the namespace: sockets that it opens are the machine's.
  void Inside(const std::function<void()>& work) const;

  bool Pings(const std::string& address, const std::string& from = "");
  // Those of the addresses that answer, all asked at the same time.
  std::vector<std::string> Reachable(const std::vector<std::string>& addresses,
                                     const std::string& from);
  // The address that a name server gives for kFarName; an error also where it answers with one.
  Result<std::string> Resolve(const std::string& server, bool ipv6, bool tcp) const;
  // Bytes that the far host sent.
  Result<size_t> FetchFrom(const std::string& address, unsigned port) const;

 private:
  explicit Machine(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

}  // namespace lethe::lab
