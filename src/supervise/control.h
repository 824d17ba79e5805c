// Requests and answers of the control socket (docs/formats/control.md). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "supervise/machine.h"

namespace lethe::supervise {

inline constexpr size_t kMaxRequestBytes = 4096;
inline constexpr size_t kMaxAnswerBytes = 64 << 10;
inline constexpr const char* kDefaultSocket = "/run/lethe/vpnd.sock";

enum class Verb { kStatus, kStart, kStop, kRestart, kDrain, kResume, kReload, kWatch, kPeer };
enum class PeerAction { kAdd, kRemove, kReplaceAll };

struct Request {
  Verb verb;
  std::string service;
  std::optional<std::chrono::seconds> deadline;  // of drain
  std::optional<std::string> from;               // of reload: an absolute path
  std::optional<PeerAction> action;              // of peer
};

// kMalformed names the key.
Result<Request> ParseRequest(std::string_view text);
std::string WriteRequest(const Request& request);

std::string_view ToString(PeerAction action);
std::optional<PeerAction> ParsePeerAction(std::string_view text);

// What one service shows.
struct ServiceStatus {
  std::string name;
  State state;
  Reason reason;
  std::optional<uint32_t> clients;  // exact: it is rounded here, and only then leaves
  unsigned restarts = 0;
  unsigned probe_failures = 0;
  unsigned unsealed = 0;
  std::optional<uint64_t> discarded_bytes;
};

// To the next multiple of 10, so that no answer tells whether one certain client is there.
uint32_t RoundedClients(uint32_t clients);

json::Value StatusEntry(const ServiceStatus& status);
std::string StatusAnswer(const std::vector<ServiceStatus>& services);
// One packet of watch: name, state and reason alone.
std::string ChangeAnswer(const std::string& name, State state, Reason reason);
std::string OkAnswer();
std::string ErrorAnswer(const Error& error);
// What a service may answer about its peers, {"ok":true,"peers":N} or an error with a code that
// exists, written anew; else an error that says so.
std::string CheckedPeersAnswer(std::string_view answer);

}  // namespace lethe::supervise
