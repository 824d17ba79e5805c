// A running server's services as the probe sees them: what lethe-vpnd says, and what they hold.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "lab.h"

namespace lethe::lab {

inline constexpr const char* kServices[] = {"ikev2",       "l2tp",     "openvpn-tcp",
                                            "openvpn-udp", "resolver", "wireguard"};

struct ServiceStatus {
  std::string name;
  std::string state;
  std::string reason;
  int64_t restarts = 0;
  int64_t unsealed = 0;
  std::optional<int64_t> clients;          // rounded up to tens
  std::optional<int64_t> discarded_bytes;  // with the discard meter
};

// What is counted for a slope.
struct Holdings {
  uint64_t descriptors = 0;                      // of the services' processes
  std::map<std::string, uint64_t> resident_kib;  // of each service
  uint64_t slab_kib = 0;                         // of the kernel, what it cannot take back
  uint64_t processes = 0;                        // of the whole system
  uint64_t tracked = 0;                          // connections in the packet filter's table
};

class ServerView {
 public:
  explicit ServerView(ProbeClient& probe) : probe_(probe) {}

  // kUnavailable where the manager does not answer.
  Result<std::vector<ServiceStatus>> Services();
  Result<ServiceStatus> Service(const std::string& name);
  bool AllReady();
  // Process ids in a service's control group, without what lethe-ikev2 runs for a moment to load
  // its connections; "manager" is lethe-vpnd's own.
  Result<std::vector<std::string>> Pids(const std::string& service);
  // Of each of kServices.
  Result<std::map<std::string, std::vector<std::string>>> AllPids();
  // A file of its control group: "memory.max".
  Result<std::string> GroupFile(const std::string& service, const std::string& file);
  Result<Holdings> Count();

 private:
  Result<std::string> Shell(const std::string& script);
  ProbeClient& probe_;
};

}  // namespace lethe::lab
