#include "prober/target.h"

#include <algorithm>

#include "base/strings.h"
#include "prober/target_reader.h"
#include "toml/toml.h"

namespace lethe::prober {
namespace {

using toml::Located;
using toml::TableReader;

constexpr size_t kMaxNameBytes = 64;
constexpr int64_t kDefaultTimeoutMs = 10'000;

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

Result<RoundTrip> ReadRoundTrip(TableReader& root) {
  TableReader reader = LETHE_TRY(root.Table("round_trip"));
  RoundTrip out;
  const Located kind = LETHE_TRY(reader.String("kind"));
  if (kind.value != "dns" && kind.value != "ping")
    return BadKey(reader, kind.line, "kind", "allowed: dns, ping");
  out.kind = kind.value == "dns" ? RoundTrip::Kind::kDns : RoundTrip::Kind::kPing;
  out.address = LETHE_TRY(ReadAddress(reader, "address"));
  LETHE_TRY(reader.Finish());
  return out;
}

struct Protocol {
  std::string_view name;
  std::string_view table;
  uint16_t port;
  Result<Credentials> (*read)(TableReader& reader, const Target& target);
};
constexpr Protocol kProtocols[] = {{"wireguard", "wireguard", 51820, ReadWireGuard},
                                   {"openvpn-udp", "openvpn", 1194, ReadOpenVpn},
                                   {"openvpn-tcp", "openvpn", 443, ReadOpenVpn},
                                   {"ikev2", "ikev2", 500, ReadIkev2},
                                   {"l2tp", "l2tp", 500, ReadL2tp}};

}  // namespace

Result<Target> ParseTarget(std::string_view name, std::string_view text, std::string file) {
  if (!IsName(name))
    return Error{ErrorCode::kMalformed,
                 file + ": a target's name is [A-Za-z0-9._-], at most 64 characters"};
  if (text.size() > kMaxTargetFileBytes)
    return Error{ErrorCode::kMalformed, file + ": larger than 256 KiB"};
  TableReader reader = LETHE_TRY(TableReader::Parse(text, std::move(file)));
  Target target;
  target.name = name;
  const Located protocol = LETHE_TRY(reader.String("protocol"));
  std::string allowed;
  const Protocol* found = nullptr;
  for (const Protocol& known : kProtocols) {
    allowed += (allowed.empty() ? "" : ", ") + std::string(known.name);
    if (known.name == protocol.value) found = &known;
  }
  if (found == nullptr)
    return BadKey(reader, protocol.line, "protocol",
                  "'" + Printable(protocol.value) + "': allowed: " + allowed);
  target.protocol = found->name;
  target.address = LETHE_TRY(ReadAddress(reader, "address"));
  target.address_text = LETHE_TRY(reader.String("address")).value;
  target.port = static_cast<uint16_t>(
      LETHE_TRY(reader.OptionalInteger("port", {1, 65535})).value_or(found->port));
  target.timeout = std::chrono::milliseconds(
      LETHE_TRY(reader.OptionalInteger("timeout_ms", {100, 120'000})).value_or(kDefaultTimeoutMs));
  target.round_trip = LETHE_TRY(ReadRoundTrip(reader));
  TableReader table = LETHE_TRY(reader.Table(found->table));
  target.credentials = LETHE_TRY(found->read(table, target));
  LETHE_TRY(table.Finish());
  LETHE_TRY(reader.Finish());
  return target;
}

std::unique_ptr<Attempt> MakeAttempt(const Target& target, World world) {
  struct Make {
    const Target& target;
    World world;
    std::unique_ptr<Attempt> operator()(const WireGuardCredentials& credentials) {
      return WireGuardAttempt(credentials, target.port, target.round_trip, std::move(world));
    }
    std::unique_ptr<Attempt> operator()(const OpenVpnCredentials& credentials) {
      return OpenVpnAttempt(credentials, target.port, target.round_trip, std::move(world));
    }
    std::unique_ptr<Attempt> operator()(const Ikev2Credentials& credentials) {
      return Ikev2Attempt(credentials, target.address, target.port, target.round_trip,
                          std::move(world));
    }
    std::unique_ptr<Attempt> operator()(const L2tpCredentials& credentials) {
      return L2tpAttempt(credentials, target.address, target.port, target.round_trip,
                         std::move(world));
    }
  };
  return std::visit(Make{target, std::move(world)}, target.credentials);
}

}  // namespace lethe::prober
