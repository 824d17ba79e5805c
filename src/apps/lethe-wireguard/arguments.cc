#include "apps/lethe-wireguard/arguments.h"

#include <net/if.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/strings.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kMaxAddresses = 16;

Error Usage(const std::string& option, std::string_view why) {
  return Error{ErrorCode::kUsage, option + ": " + std::string(why)};
}

Result<uint32_t> Number(const std::string& option, const std::string& value, uint32_t least,
                        uint32_t most) {
  const auto number = ParseUnsigned<uint32_t>(value);
  if (number && *number >= least && *number <= most) return *number;
  return Usage(option, "'" + Printable(value) + "' is not a number from " + std::to_string(least) +
                           " to " + std::to_string(most));
}

bool IsInterfaceName(std::string_view name) {
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

Status AddAddress(const std::string& option, const std::string& value, Arguments& out) {
  const auto address = ParseInterfaceAddress(value);
  if (!address) return Usage(option, "'" + Printable(value) + "': " + address.error().message);
  auto& addresses = out.interface.addresses;
  if (addresses.size() == kMaxAddresses)
    return Usage(option, "more than " + std::to_string(kMaxAddresses));
  for (const InterfaceAddress& other : addresses) {
    if (Overlap(other.network, address->network))
      return Usage(option, "'" + Printable(value) + "' overlaps with another");
  }
  addresses.push_back(*address);
  return {};
}

Status SetOption(const std::string& option, const std::string& value, Arguments& out) {
  if (option == "--interface") {
    if (!IsInterfaceName(value))
      return Usage(option, "'" + Printable(value) + "' is no name of an interface");
    out.interface.name = value;
  } else if (option == "--private-key") {
    out.private_key = value;
  } else if (option == "--listen-port") {
    out.listen_port = static_cast<uint16_t>(LETHE_TRY(Number(option, value, 1, 65535)));
  } else if (option == "--address") {
    return AddAddress(option, value, out);
  } else if (option == "--mtu") {
    out.interface.mtu = LETHE_TRY(Number(option, value, 1280, 65535));
  } else if (option == "--forget-after") {
    out.forget_after = std::chrono::seconds(LETHE_TRY(Number(option, value, 1, 180)));
  } else if (option == "--sweep-ms") {
    out.sweep = std::chrono::milliseconds(LETHE_TRY(Number(option, value, 100, 60'000)));
  } else if (option == "--probe-keys") {
    out.probe_keys = value;
  } else if (option == "--peers") {
    out.peers = value;
  } else {
    return Usage(Printable(option), "no such option");
  }
  return {};
}

}  // namespace

Result<Arguments> ParseArguments(const std::vector<std::string>& words) {
  Arguments out;
  std::vector<std::string> seen;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (option == "--check") {
      out.check = true;
      continue;
    }
    if (option != "--address" && std::find(seen.begin(), seen.end(), option) != seen.end())
      return Usage(Printable(option), "came before");
    seen.push_back(option);
    const std::string value = i + 1 < words.size() ? words[i + 1] : "";
    LETHE_TRY(SetOption(option, value, out));
    if (++i == words.size() || value.empty()) return Usage(option, "a value is missing");
  }
  const auto missing = [&](const char* option) { return Usage(option, "is missing"); };
  if (out.interface.name.empty()) return missing("--interface");
  if (out.private_key.empty()) return missing("--private-key");
  if (out.listen_port == 0) return missing("--listen-port");
  if (out.interface.addresses.empty()) return missing("--address");
  if (!out.peers.empty() && !out.check) return Usage("--peers", "goes with --check");
  return out;
}

PeerRules RulesOf(const Arguments& arguments, const Key& private_key) {
  PeerRules rules;
  for (const InterfaceAddress& address : arguments.interface.addresses) {
    rules.networks.push_back(address.network);
    rules.reserved.push_back(address.host);
  }
  rules.own_key = PublicKeyOf(private_key);
  return rules;
}

}  // namespace lethe::wireguard
