#include "credentials.h"

#include <netinet/in.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/x25519.h"
#include "wire.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServerFiles[] = {"openvpn/ca.crt",       "openvpn/server.crt",
                                        "openvpn/server.key",   "openvpn/crl.pem",
                                        "wireguard/server.key", "wireguard/peers"};

// Everything in one shell: a process for each client would take seconds.
constexpr const char* kMakeOpenVpn = R"(
cd "$1"
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 \
    -subj "/CN=$1" -CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE \
    -addext keyUsage=critical,digitalSignature -addext "extendedKeyUsage=$2" \
    -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 \
  -subj /CN=ca -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt 2>/dev/null
certificate server serverAuth
for i in $(seq "$2"); do certificate "client$i" clientAuth; done
certificate revoked clientAuth
printf '[ca]\ndefault_ca = own\n[own]\ndatabase = index\ndefault_md = sha256\n' >ca.conf
: >index
openssl ca -config ca.conf -cert ca.crt -keyfile ca.key -revoke revoked.crt 2>/dev/null
openssl ca -gencrl -config ca.conf -cert ca.crt -keyfile ca.key -crldays 3650 \
  -out crl.pem 2>/dev/null
)";

crypto::X25519Key NewKey() {
  crypto::X25519Key key;
  LETHE_ASSERT(::getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size()));
  return key;
}

std::string Text(const crypto::X25519Key& key) {
  return Base64Encode(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()));
}

std::string Element(const std::string& name, const fs::path& file) {
  const auto text = ReadFile(file, 1 << 16);
  return "<" + name + ">\n" + (text ? *text : "") + "</" + name + ">\n";
}

}  // namespace

std::string ToString(Vpn vpn) {
  switch (vpn) {
    case Vpn::kOpenVpnUdp:
      return "openvpn-udp";
    case Vpn::kOpenVpnTcp:
      return "openvpn-tcp";
    case Vpn::kWireGuard:
      return "wireguard";
    case Vpn::kIkev2:
    case Vpn::kIkev2Certificate:
      return "ikev2";
    case Vpn::kL2tp:
      return "l2tp";
  }
  return "unknown";
}

unsigned PortOf(Vpn vpn) {
  if (IsIpsec(vpn)) return 500;
  if (vpn == Vpn::kWireGuard) return 51820;
  return vpn == Vpn::kOpenVpnUdp ? 1194 : 443;
}

int ProtocolOf(Vpn vpn) { return vpn == Vpn::kOpenVpnTcp ? IPPROTO_TCP : IPPROTO_UDP; }

bool IsIpsec(Vpn vpn) {
  return vpn == Vpn::kIkev2 || vpn == Vpn::kIkev2Certificate || vpn == Vpn::kL2tp;
}

Result<Credentials> Credentials::Make(const fs::path& directory, unsigned clients) {
  LETHE_ASSERT(clients >= 1 && clients <= 99);
  Credentials out(directory);
  LETHE_TRY(MakeDirectories(directory / "openvpn"));
  LETHE_TRY(MakeDirectories(directory / "wireguard"));
  LETHE_TRY(out.MakeOpenVpn(clients));
  LETHE_TRY(out.MakeWireGuard(clients));
  return out;
}

Status Credentials::MakeOpenVpn(unsigned clients) const {
  (void)LETHE_TRY(
      RunChecked({.argv = {"sh", "-ec", kMakeOpenVpn, "keys", (directory_ / "openvpn").string(),
                           std::to_string(clients)}}));
  return {};
}

Status Credentials::MakeWireGuard(unsigned clients) {
  const auto server = NewKey();
  wireguard_server_public_ = Text(crypto::X25519PublicKey(server));
  std::string peers;
  for (unsigned i = 1; i <= clients; ++i) {
    const auto key = NewKey();
    wireguard_client_keys_.push_back(Text(key));
    const std::string host = std::to_string(i + 1);
    peers += Text(crypto::X25519PublicKey(key)) + " - 10.16.0." + host +
             "/32,fd28:8712:ccb8:3::" + host + "/128\n";
  }
  LETHE_TRY(WriteFileAtomic(directory_ / "wireguard/server.key", Text(server) + "\n"));
  return WriteFileAtomic(directory_ / "wireguard/peers", peers);
}

Status Credentials::Install(ProbeClient& probe) const {
  std::string script =
      "set -e; cd /run/lethe/keys; rm -rf new; mkdir -p new/openvpn new/wireguard; ";
  for (const char* file : kServerFiles) {
    const std::string text = LETHE_TRY(ReadFile(directory_ / file, 1 << 20));
    script += "printf %s " + Base64Encode(text) + " | base64 -d >new/" + file + "; ";
  }
  script +=
      "rm -rf openvpn wireguard; mv new/openvpn new/wireguard .; rmdir new; "
      "printf 'forward 203.0.113.80\\nvalidate no\\n' >/run/lethe/resolver.conf; "
      "systemctl restart lethe-keys.service lethe-resolver-upstream.service lethe-vpnd.service "
      "lethe-peers.service";
  (void)LETHE_TRY(probe.Run({"/bin/sh", "-c", script}));
  return {};
}

std::string Credentials::OpenVpnProfile(unsigned client, Vpn vpn, const std::string& remote) const {
  const fs::path folder = directory_ / "openvpn";
  const std::string name = client == 0 ? "revoked" : "client" + std::to_string(client);
  const bool ipv6 = remote.find(':') != std::string::npos;
  const bool udp = vpn == Vpn::kOpenVpnUdp;
  return std::string("client\nproto ") + (udp ? "udp" : "tcp") + (ipv6 ? "6" : "4") + "\nremote " +
         remote + " " + std::to_string(PortOf(vpn)) +
         "\nnobind\nverb 3\nconnect-retry 1\nremote-cert-tls server\n"
         "data-ciphers AES-256-GCM:CHACHA20-POLY1305\n" +
         (udp ? "explicit-exit-notify 1\n" : "") + Element("ca", folder / "ca.crt") +
         Element("cert", folder / (name + ".crt")) + Element("key", folder / (name + ".key"));
}

std::string Credentials::WireGuardConfig(unsigned client, const std::string& remote) const {
  const bool ipv6 = remote.find(':') != std::string::npos;
  return "[Interface]\nPrivateKey = " + wireguard_client_keys_.at(client - 1) +
         "\n[Peer]\nPublicKey = " + wireguard_server_public_ +
         "\nEndpoint = " + (ipv6 ? "[" + remote + "]" : remote) +
         ":51820\nAllowedIPs = 0.0.0.0/0, ::/0\n";
}

json::Object Credentials::ConnectRequest(unsigned client, Vpn vpn, const std::string& remote,
                                         Flaw flaw) const {
  json::Object out{{"server", remote}};
  if (vpn == Vpn::kWireGuard) {
    const std::string host = std::to_string(client + 1);
    // The keepalive makes a handshake at once.
    out.insert({{"protocol", "wireguard"},
                {"port", PortOf(vpn)},
                {"config", WireGuardConfig(client, remote) + "PersistentKeepalive = 25\n" +
                               (flaw == Flaw::kWrongPresharedKey
                                    ? "PresharedKey = " + Text(NewKey()) + "\n"
                                    : "")},
                {"addresses", json::Array{"10.16.0." + host + "/32",
                                          "fd28:8712:ccb8:3::" + host + "/128"}},
                {"name_servers", json::Array{"10.16.0.1", "fd28:8712:ccb8:3::1"}}});
    return out;
  }
  out.insert({{"protocol", "openvpn"},
              {"port", PortOf(vpn)},
              {"transport", vpn == Vpn::kOpenVpnTcp ? "tcp" : "udp"},
              {"config", OpenVpnProfile(client, vpn, remote)}});
  return out;
}

}  // namespace lethe::lab
