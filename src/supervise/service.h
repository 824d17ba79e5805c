// A service of the VPN process manager, as its file describes it (docs/formats/service.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::supervise {

using Milliseconds = std::chrono::milliseconds;
using CommandLine = std::vector<std::string>;

enum class ProbeKind { kOpenVpnUdp, kOpenVpnTcp, kWireGuard, kIkev2, kDns };
enum class Network { kHost, kNone };
enum class ProcView { kOwn, kAll, kNone };
enum class SocketKind {
  kInet,
  kInet6,
  kUnix,
  kPacket,
  kNetlinkRoute,
  kNetlinkGeneric,
  kNetlinkNetfilter,
  kNetlinkXfrm,
  kKey,
  kAlg,
  kPppox,
};

struct Probe {
  ProbeKind kind;
  std::string address;  // a loopback address
  uint16_t port;
  Milliseconds interval{0};  // 0: not repeated once it answered
  std::string keys;          // of a WireGuard probe, a path that the service sees
  bool operator==(const Probe&) const = default;
};

struct Ready {
  bool notify = false;
  std::optional<Probe> probe;
  Milliseconds timeout{10'000};
  bool operator==(const Ready&) const = default;
};

struct Restart {
  Milliseconds first{50};
  Milliseconds max{30'000};
  unsigned crash_limit = 10;  // 0: none
  std::chrono::seconds crash_window{120};
  bool operator==(const Restart&) const = default;
};

struct Stop {
  int signal;  // of signal(7)
  Milliseconds timeout{5'000};
  bool operator==(const Stop&) const = default;
};

struct Limits {
  std::optional<uint64_t> memory_bytes;
  unsigned tasks = 64;
  bool tasks_written = false;  // whether the file names it: then it must be possible
  std::optional<unsigned> cpu_percent;
  uint64_t open_files = 1024;
  uint64_t locked_bytes = 0;
  bool operator==(const Limits&) const = default;
};

struct SandboxRules {
  std::vector<std::string> capabilities;  // "net_admin"
  std::vector<std::string> devices;       // "/dev/net/tun"
  std::vector<std::string> read;
  std::vector<std::string> scratch;
  uint64_t scratch_bytes = 1 << 20;  // of each
  std::vector<SocketKind> sockets;
  Network network = Network::kHost;
  ProcView proc = ProcView::kOwn;
  std::vector<std::string> allow;  // system calls, by name
  std::vector<std::string> deny;
  bool operator==(const SandboxRules&) const = default;
};

struct Drain {
  std::vector<CommandLine> close;
  std::vector<CommandLine> open;
  std::chrono::seconds deadline{600};
  int signal = 0;         // when it starts; 0: none
  int resume_signal = 0;  // when it is called off
  bool operator==(const Drain&) const = default;
};

struct Service {
  std::string name;
  CommandLine command;
  std::string user;
  std::map<std::string, std::string> environment;
  std::vector<std::string> after;
  bool task = false;
  bool counter = false;
  bool peers = false;
  Ready ready;
  Restart restart;
  Stop stop;
  Limits limits;
  SandboxRules sandbox;
  Drain drain;
  int reload_signal = 0;  // 0: a reload restarts
  bool operator==(const Service&) const = default;
};

inline constexpr size_t kMaxServiceFileBytes = 64 << 10;
inline constexpr size_t kMaxServices = 64;

// kMalformed "<file>:<line>: key 'k' …". `name` is the file's without ".toml".
Result<Service> ParseService(std::string_view name, std::string_view text, std::string file);

}  // namespace lethe::supervise
