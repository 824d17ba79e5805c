// What a connection needs, written down before anything is started: files, programs, packet filter
// rules. Pure.
#pragma once

#include <string>
#include <vector>

#include "client/request.h"

namespace lethe::client {

inline constexpr const char* kFolder = "/run/lethe-client";
inline constexpr const char* kUplink = "eth0";

struct PlannedFile {
  std::string path;
  std::string content;
};

struct Plan {
  std::string device;  // what the inner addresses are on
  std::vector<PlannedFile> files;
  // Runs as long as the connection: OpenVPN, or charon.
  std::vector<std::string> daemon;
  // What IKE needs besides: loading, then starting the connection.
  std::vector<std::string> load, initiate;
  // Runs behind IKE: xl2tpd.
  std::vector<std::string> second_daemon;
  std::vector<std::string> logs;  // in the order in which their words count
};
Plan PlanOf(const ConnectRequest& request);

// Without a guard: only that L2TP leaves in IPsec or not at all (RFC 3193, section 4), since a
// client that roams has no SA for its new address; and that a server which goes on with a TCP
// connection that is over gets no answer.
std::string OpenRules();

// A batch of ip(8) that sets up the interface of WireGuard, which has its keys.
std::string WireGuardBatch(const ConnectRequest& request);

// All of the guest's traffic into `device`, but not what carries the tunnel.
std::string RoutesInto(const std::string& device, const std::string& server,
                       const std::vector<std::string>& gateways);

// Rules that let out only what Ethernet needs, and what belongs to `connection` (null: nothing). A
// counter has what they held back.
std::string GuardRules(const ConnectRequest* connection);

}  // namespace lethe::client
