#include "client/said.h"

#include <algorithm>

#include "base/strings.h"

namespace lethe::client {
namespace {

struct Phrase {
  std::string_view words;
  Outcome outcome;
};

constexpr Phrase kOpenVpn[] = {
    {"Initialization Sequence Completed", Outcome::kUp},
    {"AUTH_FAILED", Outcome::kRefused},
    // The alert by which the server refuses a certificate (RFC 8446 6.2).
    {"alert certificate expired", Outcome::kRefused},
    {"alert certificate revoked", Outcome::kRefused},
    {"alert unknown ca", Outcome::kRefused},
    {"alert bad certificate", Outcome::kRefused},
    {"VERIFY ERROR", Outcome::kUntrusted},
    {"TLS key negotiation failed", Outcome::kNoAnswer},
    {"Connection refused", Outcome::kNoAnswer},
    {"Server poll timeout", Outcome::kNoAnswer},
};
// IKEv2, and IKEv1 for L2TP.
constexpr Phrase kIke[] = {
    {"received NO_PROPOSAL_CHOSEN", Outcome::kNoProposal},
    {"received AUTHENTICATION_FAILED", Outcome::kRefused},
    {"received EAP_FAILURE", Outcome::kRefused},
    {"EAP_MSCHAPV2 method failed", Outcome::kRefused},
    {"received INVALID_ID_INFORMATION", Outcome::kRefused},
    {"signature validation failed", Outcome::kUntrusted},
    {"no trusted", Outcome::kUntrusted},
    {"constraint check failed", Outcome::kUntrusted},
    {"giving up after", Outcome::kNoAnswer},
};
constexpr Phrase kPpp[] = {
    {"local  IP address", Outcome::kUp},
    {"CHAP authentication failed", Outcome::kRefused},
    {"authentication failed", Outcome::kRefused},
    {"Connection terminated", Outcome::kEnded},
    {"Maximum retries exceeded", Outcome::kNoAnswer},
};

template <size_t N>
void FindFirst(const Phrase (&phrases)[N], std::string_view log, size_t& at, Outcome& outcome) {
  for (const Phrase& phrase : phrases) {
    const size_t found = log.find(phrase.words);
    if (found >= at) continue;
    at = found;
    outcome = phrase.outcome;
  }
}

// The word behind each `marker`.
std::vector<std::string> WordsBehind(std::string_view log, std::string_view marker) {
  std::vector<std::string> out;
  for (size_t at = log.find(marker); at != std::string_view::npos; at = log.find(marker, at)) {
    at += marker.size();
    const size_t start = std::min(log.find_first_not_of(' ', at), log.size());
    const size_t end = std::min(log.find_first_of(" ,'\n\r", start), log.size());
    std::string word(log.substr(start, end - start));
    if (std::find(out.begin(), out.end(), word) == out.end()) out.push_back(std::move(word));
  }
  return out;
}

}  // namespace

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kConnecting:
      return "connecting";
    case Outcome::kUp:
      return "up";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kNoProposal:
      return "no-proposal";
    case Outcome::kUntrusted:
      return "untrusted";
    case Outcome::kNoAnswer:
      return "no-answer";
    case Outcome::kEnded:
      return "ended";
  }
  return "unknown";
}

Outcome Judge(Protocol protocol, std::string_view log) {
  size_t at = std::string_view::npos;
  Outcome outcome = Outcome::kConnecting;
  if (protocol == Protocol::kOpenVpn) FindFirst(kOpenVpn, log, at, outcome);
  if (protocol == Protocol::kIkev2 || protocol == Protocol::kL2tp)
    FindFirst(kIke, log, at, outcome);
  if (protocol == Protocol::kL2tp) FindFirst(kPpp, log, at, outcome);
  return outcome;
}

std::vector<std::string> NameServersIn(Protocol protocol, std::string_view log) {
  switch (protocol) {
    case Protocol::kOpenVpn:
      return WordsBehind(log, "dhcp-option DNS");
    case Protocol::kIkev2:
      return WordsBehind(log, "installing DNS server");
    case Protocol::kL2tp: {
      auto out = WordsBehind(log, "primary   DNS address");
      for (auto& second : WordsBehind(log, "secondary DNS address")) out.push_back(second);
      return out;
    }
    case Protocol::kWireGuard:
      return {};
  }
  return {};
}

}  // namespace lethe::client
