#include "client/request.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/strings.h"
#include "json/json.h"

namespace lethe::client {
namespace {

using json::Value;
using std::chrono::seconds;

constexpr size_t kMaxText = 256;
constexpr size_t kMaxFile = 32 << 10;
constexpr size_t kMaxList = 4;
constexpr size_t kMaxName = 253;
constexpr json::Limits kLimits = {kMaxLine, 3, 64};

bool IsAddress(const std::string& text) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
}

// "192.0.2.1/24", "2001:db8::1/64".
bool IsPrefix(const std::string& text) {
  const auto parts = Split(text, '/');
  if (parts.size() != 2 || !IsAddress(std::string(parts[0]))) return false;
  const auto length = ParseUnsigned<unsigned>(parts[1]);
  return length && *length <= (parts[0].find(':') == std::string_view::npos ? 32 : 128);
}

bool IsHostName(const std::string& text) {
  if (text.empty() || text.size() > kMaxName) return false;
  for (const auto label : Split(text, '.')) {
    if (label.empty() || label.size() > 63) return false;
    for (const char c : label) {
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
    }
  }
  return true;
}

// It goes into configuration files between double quotes: no character there has a meaning of its
// own in any of their grammars.
bool IsQuotable(const std::string& text) {
  return !text.empty() && text.size() <= kMaxText &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c < 0x7f &&
                  std::string_view("\"'\\`$#{}").find(c) == std::string::npos;
         });
}

bool IsProposal(const std::string& text) {
  return text.size() <= kMaxText && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

// A text file: lines, and no control characters besides.
bool IsFile(const std::string& text) {
  return !text.empty() && text.size() <= kMaxFile &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f); });
}

// Takes the members that a command has; the first fault stays. What is left then is unknown.
class Members {
 public:
  Members(const json::Object& object, int64_t id) : object_(object), id_(id) {}

  using Rule = bool (*)(const std::string&);
  std::string Text(std::string_view key, Rule rule, const char* allowed) {
    const Value* value = Required(key);
    const std::string* text = value == nullptr ? nullptr : value->AsString();
    if (value != nullptr && (text == nullptr || !rule(*text))) Bad(key, allowed);
    return text == nullptr ? "" : *text;
  }
  std::string OptionalText(std::string_view key, Rule rule, const char* allowed) {
    return Has(key) ? Text(key, rule, allowed) : "";
  }
  std::vector<std::string> Texts(std::string_view key, Rule rule, const char* allowed) {
    const Value* value = Required(key);
    const json::Array* array = value == nullptr ? nullptr : value->AsArray();
    if (value != nullptr && (array == nullptr || array->size() > kMaxList)) Bad(key, allowed);
    std::vector<std::string> out;
    for (size_t i = 0; array != nullptr && i < array->size(); ++i) {
      const std::string* text = (*array)[i].AsString();
      if (text == nullptr || !rule(*text)) Bad(key, allowed);
      out.push_back(text == nullptr ? "" : *text);
    }
    return out;
  }
  unsigned Number(std::string_view key, int64_t least, int64_t most) {
    const Value* value = Required(key);
    const int64_t* number = value == nullptr ? nullptr : value->AsInteger();
    const bool good = number != nullptr && *number >= least && *number <= most;
    if (value != nullptr && !good)
      Bad(key, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
    return good ? static_cast<unsigned>(*number) : 0;
  }
  bool Truth(std::string_view key) {
    const Value* value = Required(key);
    const bool* truth = value == nullptr ? nullptr : value->AsBool();
    if (value != nullptr && truth == nullptr) Bad(key, "true or false");
    return truth != nullptr && *truth;
  }
  // The index of the word that the key has.
  size_t Choice(std::string_view key, const std::vector<std::string_view>& words) {
    const Value* value = Required(key);
    const std::string* text = value == nullptr ? nullptr : value->AsString();
    const auto it = text == nullptr ? words.end() : std::find(words.begin(), words.end(), *text);
    std::string allowed;
    for (const auto word : words) allowed += (allowed.empty() ? "" : ", ") + std::string(word);
    if (value != nullptr && it == words.end()) Bad(key, "one of " + allowed);
    return it == words.end() ? 0 : static_cast<size_t>(it - words.begin());
  }
  bool Has(std::string_view key) const { return object_.find(key) != object_.end(); }

  void Fault(Refusal reason, std::string detail) {
    if (!fault_) fault_ = Refused{reason, std::move(detail), id_};
  }
  // The first fault; a key that nobody took is one.
  std::optional<Refused> Finish() {
    for (const auto& [key, value] : object_) {
      if (std::find(taken_.begin(), taken_.end(), key) == taken_.end())
        Fault(Refusal::kUnknownKey, "key '" + Printable(key) + "'");
    }
    return fault_;
  }

 private:
  const Value* Required(std::string_view key) {
    taken_.push_back(key);
    const auto it = object_.find(key);
    if (it != object_.end()) return &it->second;
    Fault(Refusal::kMissingKey, "key '" + std::string(key) + "'");
    return nullptr;
  }
  void Bad(std::string_view key, const std::string& allowed) {
    Fault(Refusal::kBadValue, "key '" + std::string(key) + "': must be " + allowed);
  }

  const json::Object& object_;
  int64_t id_;
  std::vector<std::string_view> taken_;
  std::optional<Refused> fault_;
};

constexpr const char* kAddressRule = "an IPv4 or IPv6 address";
constexpr const char* kPrefixesRule = "at most 4 addresses with prefix length";
constexpr const char* kAddressesRule = "at most 4 addresses";
constexpr const char* kFileRule = "ASCII lines, at most 32 KiB";
constexpr const char* kQuotableRule = "1 to 256 printable ASCII characters but \" ' \\ ` $ # { }";
constexpr const char* kProposalRule = "lower-case letters, digits, - and _";

unsigned Count(const std::vector<std::string>& addresses, bool ipv6) {
  unsigned count = 0;
  for (const auto& address : addresses)
    count += (address.find(':') != std::string::npos) == ipv6 ? 1U : 0U;
  return count;
}

UplinkRequest ParseUplink(Members& members) {
  UplinkRequest out{members.Texts("addresses", IsPrefix, kPrefixesRule),
                    members.Texts("gateways", IsAddress, kAddressesRule),
                    members.Number("mtu", 1280, 1500), members.Truth("guard")};
  if (Count(out.gateways, false) > 1 || Count(out.gateways, true) > 1)
    members.Fault(Refusal::kBadValue, "key 'gateways': at most one of each family");
  return out;
}

void ParseIke(Members& members, ConnectRequest& out) {
  out.ike = members.OptionalText("ike", IsProposal, kProposalRule);
  out.esp = members.OptionalText("esp", IsProposal, kProposalRule);
  if (out.protocol == Protocol::kL2tp)
    out.preshared_key = members.Text("preshared_key", IsQuotable, kQuotableRule);
  if (out.protocol == Protocol::kIkev2) {
    out.server_name = members.Text("server_name", IsHostName, "a host name");
    out.authority = members.Text("authority", IsFile, kFileRule);
  }
  if (out.protocol == Protocol::kIkev2 && members.Has("certificate")) {
    out.certificate = members.Text("certificate", IsFile, kFileRule);
    out.key = members.Text("key", IsFile, kFileRule);
    return;
  }
  out.user = members.Text("user", IsQuotable, kQuotableRule);
  out.password = members.Text("password", IsQuotable, kQuotableRule);
}

ConnectRequest ParseConnect(Members& members) {
  ConnectRequest out{};
  out.protocol =
      static_cast<Protocol>(members.Choice("protocol", {"openvpn", "wireguard", "ikev2", "l2tp"}));
  out.server = members.Text("server", IsAddress, kAddressRule);
  out.timeout = seconds(members.Number("timeout_s", 1, 600));
  if (out.protocol == Protocol::kIkev2 || out.protocol == Protocol::kL2tp) {
    ParseIke(members, out);
    return out;
  }
  out.port = members.Number("port", 1, 65535);
  out.config = members.Text("config", IsFile, kFileRule);
  if (out.protocol == Protocol::kOpenVpn) {
    out.tcp = members.Choice("transport", {"udp", "tcp"}) == 1;
    return out;
  }
  out.addresses = members.Texts("addresses", IsPrefix, kPrefixesRule);
  out.name_servers = members.Texts("name_servers", IsAddress, kAddressesRule);
  return out;
}

ResolveRequest ParseResolve(Members& members) {
  return {members.Text("name", IsHostName, "a host name"),
          members.OptionalText("server", IsAddress, kAddressRule),
          members.Choice("family", {"ipv4", "ipv6"}) == 1,
          members.Choice("transport", {"udp", "tcp"}) == 1};
}

PingRequest ParsePing(Members& members) {
  return {members.Text("address", IsAddress, kAddressRule), members.Number("count", 1, 100),
          members.Number("size", 0, 8192)};
}

FetchRequest ParseFetch(Members& members) {
  return {members.Text("address", IsAddress, kAddressRule), members.Number("port", 1, 65535),
          seconds(members.Number("timeout_s", 1, 600))};
}

}  // namespace

std::string_view ToString(Refusal refusal) {
  switch (refusal) {
    case Refusal::kTooLong:
      return "too-long";
    case Refusal::kNoJson:
      return "no-json";
    case Refusal::kNoObject:
      return "no-object";
    case Refusal::kUnknownCommand:
      return "unknown-command";
    case Refusal::kUnknownKey:
      return "unknown-key";
    case Refusal::kMissingKey:
      return "missing-key";
    case Refusal::kBadValue:
      return "bad-value";
    case Refusal::kNotNow:
      return "not-now";
  }
  return "unknown";
}

std::string_view ToString(Protocol protocol) {
  switch (protocol) {
    case Protocol::kOpenVpn:
      return "openvpn";
    case Protocol::kWireGuard:
      return "wireguard";
    case Protocol::kIkev2:
      return "ikev2";
    case Protocol::kL2tp:
      return "l2tp";
  }
  return "unknown";
}

Result<Request, Refused> ParseRequest(std::string_view line) {
  if (line.size() > kMaxLine) return Refused{Refusal::kTooLong, "more than 64 KiB", {}};
  const auto value = json::Parse(line, kLimits);
  if (!value) return Refused{Refusal::kNoJson, value.error().message, {}};
  const json::Object* object = value->AsObject();
  if (object == nullptr) return Refused{Refusal::kNoObject, "not an object", {}};
  const Value* id = value->Find("id");
  const int64_t* number = id == nullptr ? nullptr : id->AsInteger();
  constexpr int64_t kMaxId = 1'000'000'000;
  if (number == nullptr || *number < 0 || *number > kMaxId) {
    return Refused{id == nullptr ? Refusal::kMissingKey : Refusal::kBadValue,
                   "key 'id': must be an integer from 0 to 1000000000",
                   {}};
  }
  Members members(*object, *number);
  Request out{};
  out.id = members.Number("id", 0, kMaxId);
  const Value* command = value->Find("command");
  const std::string* name = command == nullptr ? nullptr : command->AsString();
  if (name == nullptr)
    return Refused{command == nullptr ? Refusal::kMissingKey : Refusal::kBadValue,
                   "key 'command': must be a string", out.id};
  members.Choice("command", {*name});
  if (*name == "uplink") {
    out.command = ParseUplink(members);
  } else if (*name == "connect") {
    out.command = ParseConnect(members);
  } else if (*name == "disconnect") {
    out.command = DisconnectRequest{};
  } else if (*name == "status") {
    out.command = StatusRequest{};
  } else if (*name == "resolve") {
    out.command = ParseResolve(members);
  } else if (*name == "ping") {
    out.command = ParsePing(members);
  } else if (*name == "fetch") {
    out.command = ParseFetch(members);
  } else if (*name == "captures") {
    out.command = CapturesRequest{};
  } else {
    return Refused{Refusal::kUnknownCommand, "'" + Printable(*name) + "'", out.id};
  }
  if (auto fault = members.Finish()) return std::move(*fault);
  return out;
}

}  // namespace lethe::client
