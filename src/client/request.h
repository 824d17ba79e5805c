// What the laboratory may ask of its client guest: one JSON object per line, a closed set
// (docs/formats/client-channel.md). Pure: a line is refused before anything is done.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace lethe::client {

inline constexpr size_t kMaxLine = 64 << 10;

// Why a line is refused. It has changed nothing then.
enum class Refusal {
  kTooLong,
  kNoJson,
  kNoObject,
  kUnknownCommand,
  kUnknownKey,
  kMissingKey,
  kBadValue,
  kNotNow,  // well-formed, but what is connected does not allow it
};
std::string_view ToString(Refusal refusal);

struct Refused {
  Refusal reason;
  std::string detail;  // what is wrong with which key
  std::optional<int64_t> id;
};

enum class Protocol { kOpenVpn, kWireGuard, kIkev2, kL2tp };
std::string_view ToString(Protocol protocol);

// The guest's side of its only cable.
struct UplinkRequest {
  std::vector<std::string> addresses;  // with their prefix lengths
  std::vector<std::string> gateways;   // at most one of each family
  unsigned mtu;
  bool guard;  // nothing leaves but what belongs to a connection
};

struct ConnectRequest {
  Protocol protocol;
  std::string server;  // its outer address
  std::chrono::seconds timeout;
  // OpenVPN and WireGuard.
  unsigned port = 0;
  bool tcp = false;
  std::string config;
  // WireGuard.
  std::vector<std::string> addresses;
  std::vector<std::string> name_servers;
  // IKEv2 and L2TP.
  std::string user, password;
  std::string ike, esp;  // proposals; empty: what the client offers by itself
  // IKEv2. A user with a password, or a certificate with its key.
  std::string server_name, authority, certificate, key;
  // L2TP.
  std::string preshared_key;
};

struct DisconnectRequest {};
struct StatusRequest {};

struct ResolveRequest {
  std::string name;
  std::string server;  // empty: the first that came with the connection
  bool ipv6;
  bool tcp;
};

struct PingRequest {
  std::string address;
  unsigned count;
  unsigned size;  // bytes of payload
};

struct FetchRequest {
  std::string address;
  unsigned port;
  std::chrono::seconds timeout;
};

// What passed on the cable since the last one.
struct CapturesRequest {};

struct Request {
  int64_t id;
  std::variant<UplinkRequest, ConnectRequest, DisconnectRequest, StatusRequest, ResolveRequest,
               PingRequest, FetchRequest, CapturesRequest>
      command;
};

Result<Request, Refused> ParseRequest(std::string_view line);

}  // namespace lethe::client
