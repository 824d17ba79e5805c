#include "prober/target_reader.h"

#include <algorithm>

#include "base/base64.h"
#include "base/strings.h"

namespace lethe::prober {
namespace {

using toml::Located;
using toml::TableReader;

constexpr size_t kMaxText = 255;  // of a user, a password, a name

Result<std::string> OptionalText(TableReader& reader, std::string_view key) {
  const auto text = LETHE_TRY(reader.OptionalString(key));
  if (!text) return std::string();
  if (text->value.empty() || text->value.size() > kMaxText ||
      text->value.find('\0') != std::string::npos)
    return BadKey(reader, text->line, key, "must have 1 to 255 bytes, and no zero byte");
  return text->value;
}

Result<crypto::TrustAnchors> ReadAnchors(TableReader& reader, std::string_view key) {
  const Located pem = LETHE_TRY(reader.String(key));
  auto anchors = crypto::TrustAnchors::Read(pem.value);
  if (!anchors) return BadKey(reader, pem.line, key, anchors.error().message);
  return *anchors;
}

// A certificate and its key: both or none.
Result<std::optional<crypto::Identity>> ReadIdentity(TableReader& reader) {
  const auto certificate = LETHE_TRY(reader.OptionalString("certificate"));
  const auto key = LETHE_TRY(reader.OptionalString("private_key"));
  if (certificate.has_value() != key.has_value())
    return reader.ErrorAt(0, "certificate and private_key belong together");
  if (!certificate) return std::optional<crypto::Identity>();
  auto identity = crypto::Identity::Read(certificate->value, key->value);
  if (!identity) return BadKey(reader, certificate->line, "certificate", identity.error().message);
  return std::optional(std::move(*identity));
}

Result<std::array<uint8_t, 32>> ParseKey(const TableReader& reader, const Located& text,
                                         std::string_view key) {
  const auto bytes = Base64Decode(text.value);
  std::array<uint8_t, 32> out;
  if (!bytes || bytes->size() != out.size())
    return BadKey(reader, text.line, key, "must be 32 bytes in base64");
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}

constexpr size_t kMaxSuites = 16;

using ParseSuite = std::optional<ike::Suite> (*)(std::string_view name);

// What is offered: the names of the key, or where there is none all of `fallback`.
Result<std::vector<ike::Suite>> ReadSuites(TableReader& reader, std::string_view key,
                                           ParseSuite parse,
                                           const std::vector<std::string_view>& fallback) {
  std::vector<ike::Suite> out;
  for (const Located& name : LETHE_TRY(reader.Strings(key))) {
    const auto suite = parse(name.value);
    if (!suite) return BadKey(reader, name.line, key, "'" + Printable(name.value) + "': not known");
    if (out.size() == kMaxSuites) return BadKey(reader, name.line, key, "more than 16");
    out.push_back(*suite);
  }
  if (!out.empty()) return out;
  for (const auto name : fallback) out.push_back(*parse(name));
  return out;
}

// IKEv1 has AES-CBC alone, and one hash for all.
std::optional<ike::Suite> ParseIkeSuite1(std::string_view name) {
  const auto suite = ike::ParseIkeSuite(name);
  const bool good =
      suite && suite->encryption == ike::kAesCbc && name.find("-prf") == std::string_view::npos;
  return good ? suite : std::nullopt;
}
std::optional<ike::Suite> ParseEspSuite1(std::string_view name) {
  const auto suite = ike::ParseEspSuite(name);
  return suite && suite->encryption == ike::kAesCbc ? suite : std::nullopt;
}

Result<uint16_t> ReadPort(TableReader& reader, std::string_view key, uint16_t fallback) {
  const auto port = LETHE_TRY(reader.OptionalInteger(key, {1, 65535}));
  return static_cast<uint16_t>(port.value_or(fallback));
}

// User and password: both or none. The password is UTF-8, which MS-CHAP needs and TOML gives.
struct Login {
  std::string user, password;
};
Result<Login> ReadLogin(TableReader& reader) {
  Login out;
  out.user = LETHE_TRY(OptionalText(reader, "user"));
  out.password = LETHE_TRY(OptionalText(reader, "password"));
  if (out.user.empty() != out.password.empty())
    return reader.ErrorAt(0, "user and password belong together");
  return out;
}

}  // namespace

Result<Credentials> ReadWireGuard(TableReader& reader, const Target& target) {
  WireGuardCredentials out;
  const Located own = LETHE_TRY(reader.String("private_key"));
  out.private_key = LETHE_TRY(ParseKey(reader, own, "private_key"));
  const Located server = LETHE_TRY(reader.String("server_public_key"));
  out.server_public_key = LETHE_TRY(ParseKey(reader, server, "server_public_key"));
  if (!crypto::X25519(out.private_key, out.server_public_key))
    return BadKey(reader, server.line, "server_public_key", "is of low order");
  if (const auto preshared = LETHE_TRY(reader.OptionalString("preshared_key")))
    out.preshared_key = LETHE_TRY(ParseKey(reader, *preshared, "preshared_key"));
  out.address = LETHE_TRY(ReadAddress(reader, "address"));
  if (out.address.v4() != target.round_trip.address.v4())
    return reader.ErrorAt(0, "key 'address': is not of the family of the round trip's");
  return Credentials(out);
}

Result<Credentials> ReadOpenVpn(TableReader& reader, const Target& target) {
  const bool tcp = target.protocol == "openvpn-tcp";
  OpenVpnCredentials out{.tcp = tcp, .anchors = LETHE_TRY(ReadAnchors(reader, "ca"))};
  out.identity = LETHE_TRY(ReadIdentity(reader));
  out.server_name = LETHE_TRY(OptionalText(reader, "server_name"));
  const Login login = LETHE_TRY(ReadLogin(reader));
  out.user = login.user;
  out.password = login.password;
  if (!out.identity && out.user.empty())
    return reader.ErrorAt(0, "a certificate or a user is wanted");
  return Credentials(std::move(out));
}

Result<Credentials> ReadIkev2(TableReader& reader, const Target&) {
  Ikev2Credentials out{.anchors = LETHE_TRY(ReadAnchors(reader, "ca"))};
  const Located server_id = LETHE_TRY(reader.String("server_id"));
  if (server_id.value.empty() || server_id.value.size() > kMaxText)
    return BadKey(reader, server_id.line, "server_id", "must have 1 to 255 bytes");
  out.server_id = server_id.value;
  out.id = LETHE_TRY(OptionalText(reader, "id"));
  out.identity = LETHE_TRY(ReadIdentity(reader));
  const Login login = LETHE_TRY(ReadLogin(reader));
  out.user = login.user;
  out.password = login.password;
  if (out.identity.has_value() != out.user.empty())
    return reader.ErrorAt(0, "either a certificate or a user is wanted");
  out.ike =
      LETHE_TRY(ReadSuites(reader, "ike", ike::ParseIkeSuite,
                           {"aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha256-x25519",
                            "aes128gcm16-prfsha256-ecp256", "chacha20poly1305-prfsha256-x25519",
                            "aes256-sha256-ecp256", "aes256-sha256-modp2048"}));
  out.esp = LETHE_TRY(ReadSuites(
      reader, "esp", ike::ParseEspSuite,
      {"aes256gcm16", "aes128gcm16", "chacha20poly1305", "aes256-sha256", "aes256-sha1"}));
  out.nat_port = LETHE_TRY(ReadPort(reader, "nat_port", out.nat_port));
  return Credentials(std::move(out));
}

Result<Credentials> ReadL2tp(TableReader& reader, const Target& target) {
  L2tpCredentials out;
  for (const auto& [key, value] : {std::pair("psk", &out.psk), std::pair("user", &out.user),
                                   std::pair("password", &out.password)}) {
    *value = LETHE_TRY(OptionalText(reader, key));
    if (value->empty()) return BadKey(reader, 0, key, "is missing");
  }
  out.ike = LETHE_TRY(
      ReadSuites(reader, "ike", ParseIkeSuite1,
                 {"aes256-sha256-modp2048", "aes256-sha1-modp2048", "aes128-sha1-modp2048"}));
  out.esp = LETHE_TRY(
      ReadSuites(reader, "esp", ParseEspSuite1, {"aes256-sha256", "aes256-sha1", "aes128-sha1"}));
  out.nat_port = LETHE_TRY(ReadPort(reader, "nat_port", out.nat_port));
  if (!target.round_trip.address.v4() || !target.address.v4())
    return reader.ErrorAt(0, "l2tp is for IPv4 addresses, outside and inside");
  return Credentials(std::move(out));
}

Error BadKey(const TableReader& reader, int line, std::string_view key, std::string_view why) {
  return reader.ErrorAt(line, "key '" + std::string(key) + "': " + std::string(why));
}

Result<IpAddress> ReadAddress(TableReader& reader, std::string_view key) {
  const Located text = LETHE_TRY(reader.String(key));
  const auto address = IpAddress::Parse(text.value);
  if (!address)
    return BadKey(reader, text.line, key,
                  "must be an IPv4 or IPv6 address, not '" + Printable(text.value) + "'");
  return *address;
}

}  // namespace lethe::prober
