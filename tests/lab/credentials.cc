#include "credentials.h"

#include <netinet/in.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/strings.h"
#include "base/subprocess.h"
#include "crypto/x25519.h"
#include "wire.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;

// Below the folder of keys of a server (docs/formats/keys.md).
constexpr const char* kServerFiles[] = {"openvpn/ca.crt",
                                        "openvpn/server.crt",
                                        "openvpn/server.key",
                                        "openvpn/crl.pem",
                                        "wireguard/server.key",
                                        "wireguard/peers",
                                        "ikev2/ca.crt",
                                        "ikev2/server.crt",
                                        "ikev2/server.key",
                                        "ikev2/crl.pem",
                                        "ikev2/id",
                                        "ikev2/users",
                                        "l2tp/users",
                                        "l2tp/psk"};
constexpr const char* kFolders = "openvpn wireguard ikev2 l2tp";
constexpr const char* kIkev2Name = "vpn.lethe.test";

// Everything in one shell: a process for each client would take seconds. $1: folder, $2: number of
// clients, $3: the server's name.
constexpr const char* kMakeCertificates = R"(
mkdir -p "$1"
cd "$1"
certificate() {  # NAME PURPOSE ALTERNATIVE-NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 \
    -subj "/CN=$1" -CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE \
    -addext keyUsage=critical,digitalSignature -addext "extendedKeyUsage=$2" \
    -addext "subjectAltName=$3" -keyout "$1.key" -out "$1.crt" 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 \
  -subj /CN=ca -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt 2>/dev/null
certificate server serverAuth "DNS:$3"
for i in $(seq "$2"); do certificate "client$i" clientAuth "email:client$i@$3"; done
certificate revoked clientAuth "email:revoked@$3"
cat >ca.conf <<END
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
crl_extensions = list
[list]
authorityKeyIdentifier = keyid:always
[any]
commonName = supplied
[client]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = email:expired@$3
END
: >index
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=expired \
  -keyout expired.key -out expired.csr 2>/dev/null
openssl ca -config ca.conf -batch -notext -cert ca.crt -keyfile ca.key -extensions client \
  -startdate 20200101000000Z -enddate 20210101000000Z -in expired.csr -out expired.crt 2>/dev/null
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
  for (const char* folder : {"wireguard", "l2tp"}) LETHE_TRY(MakeDirectories(directory / folder));
  LETHE_TRY(out.MakeCertificates("openvpn", clients));
  LETHE_TRY(out.MakeCertificates("ikev2", 1));
  LETHE_TRY(out.MakeWireGuard(clients));
  LETHE_TRY(out.MakeUsers(clients));
  return out;
}

Status Credentials::MakeCertificates(const std::string& folder, unsigned clients) const {
  (void)LETHE_TRY(
      RunChecked({.argv = {"sh", "-ec", kMakeCertificates, "keys", (directory_ / folder).string(),
                           std::to_string(clients), kIkev2Name}}));
  return {};
}

// A password per user; all of L2TP shares one key besides.
Status Credentials::MakeUsers(unsigned clients) {
  std::string users;
  for (unsigned i = 1; i <= clients; ++i) {
    passwords_.push_back(HexEncode(NewKey()));
    users += "user" + std::to_string(i) + " " + passwords_.back() + "\n";
  }
  preshared_key_ = HexEncode(NewKey());
  LETHE_TRY(WriteFileAtomic(directory_ / "ikev2/id", std::string(kIkev2Name) + "\n"));
  LETHE_TRY(WriteFileAtomic(directory_ / "ikev2/users", users));
  LETHE_TRY(WriteFileAtomic(directory_ / "l2tp/users", users));
  return WriteFileAtomic(directory_ / "l2tp/psk", preshared_key_ + "\n");
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
  const std::string folders = kFolders;
  std::string script =
      "set -e; cd /run/lethe/keys; rm -rf new; mkdir new; cd new; mkdir " + folders + "; ";
  for (const char* file : kServerFiles) {
    const std::string text = LETHE_TRY(ReadFile(directory_ / file, 1 << 20));
    script += "printf %s " + Base64Encode(text) + " | base64 -d >" + file + "; ";
  }
  script +=
      "cd ..; rm -rf " + folders + "; mv new/* .; rmdir new; " +
      "printf 'forward 203.0.113.80\\nvalidate no\\n' >/run/lethe/resolver.conf; "
      "systemctl restart lethe-keys.service lethe-resolver-upstream.service lethe-vpnd.service "
      "lethe-peers.service";
  (void)LETHE_TRY(probe.Run({"/bin/sh", "-c", script}));
  return {};
}

std::string Credentials::OpenVpnProfile(unsigned client, Vpn vpn, const std::string& remote) const {
  return OpenVpnProfile(client == 0 ? "revoked" : "client" + std::to_string(client), vpn, remote);
}

std::string Credentials::OpenVpnProfile(const std::string& name, Vpn vpn,
                                        const std::string& remote) const {
  const fs::path folder = directory_ / "openvpn";
  const bool ipv6 = remote.find(':') != std::string::npos;
  const bool udp = vpn == Vpn::kOpenVpnUdp;
  return std::string("client\nproto ") + (udp ? "udp" : "tcp") + (ipv6 ? "6" : "4") + "\nremote " +
         remote + " " + std::to_string(PortOf(vpn)) +
         "\nnobind\npersist-tun\nverb 3\nconnect-retry 1\nremote-cert-tls server\n"
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

std::string Credentials::Pem(const std::string& file) const {
  const auto text = ReadFile(directory_ / file, 1 << 16);
  return text ? *text : "";
}

json::Object Credentials::ConnectRequest(unsigned client, Vpn vpn, const std::string& remote,
                                         Flaw flaw) const {
  json::Object out{{"server", remote}};
  const std::string user = "user" + std::to_string(client);
  const std::string password = flaw == Flaw::kWrongPassword ? "wrong" : passwords_.at(client - 1);
  if (vpn == Vpn::kIkev2 || vpn == Vpn::kIkev2Certificate) {
    out.insert(
        {{"protocol", "ikev2"}, {"server_name", kIkev2Name}, {"authority", Pem("ikev2/ca.crt")}});
  }
  switch (vpn) {
    case Vpn::kOpenVpnUdp:
    case Vpn::kOpenVpnTcp:
      out.insert({{"protocol", "openvpn"},
                  {"port", PortOf(vpn)},
                  {"transport", vpn == Vpn::kOpenVpnTcp ? "tcp" : "udp"},
                  {"config", OpenVpnProfile(flaw == Flaw::kExpiredCertificate
                                                ? "expired"
                                                : "client" + std::to_string(client),
                                            vpn, remote)}});
      break;
    case Vpn::kWireGuard: {
      const std::string host = std::to_string(client + 1);
      const std::string wrong = "PresharedKey = " + Text(NewKey()) + "\n";
      // The keepalive makes a handshake at once.
      out.insert({{"protocol", "wireguard"},
                  {"port", PortOf(vpn)},
                  {"config", WireGuardConfig(client, remote) + "PersistentKeepalive = 25\n" +
                                 (flaw == Flaw::kWrongPresharedKey ? wrong : "")},
                  {"addresses",
                   json::Array{"10.16.0." + host + "/32", "fd28:8712:ccb8:3::" + host + "/128"}},
                  {"name_servers", json::Array{"10.16.0.1", "fd28:8712:ccb8:3::1"}}});
      break;
    }
    case Vpn::kIkev2:
      out.insert({{"user", user}, {"password", password}});
      break;
    case Vpn::kIkev2Certificate: {
      const std::string name = flaw == Flaw::kExpiredCertificate ? "expired" : "client1";
      out.insert(
          {{"certificate", Pem("ikev2/" + name + ".crt")}, {"key", Pem("ikev2/" + name + ".key")}});
      break;
    }
    case Vpn::kL2tp:
      out.insert({{"protocol", "l2tp"},
                  {"preshared_key",
                   flaw == Flaw::kWrongPresharedKey ? "wrong-shared-key" : preshared_key_},
                  {"user", user},
                  {"password", password}});
      break;
  }
  return out;
}

std::string Credentials::ProberTarget(unsigned client, Vpn vpn, const std::string& remote,
                                      Flaw flaw) const {
  const std::string name = "client" + std::to_string(client);
  const auto line = [](const char* key, const std::string& value) {
    return std::string(key) + " = \"" + value + "\"\n";
  };
  const auto pem = [](const char* key, const std::string& text) {
    return std::string(key) + " = '''\n" + text + "'''\n";
  };
  const bool old = flaw == Flaw::kExpiredCertificate;
  const std::string user =
      line("user", "user" + std::to_string(client)) +
      line("password", flaw == Flaw::kWrongPassword ? "wrong" : passwords_.at(client - 1));
  const auto target = [&](const char* protocol, const char* table, const char* inner,
                          const std::string& keys) {
    return line("protocol", protocol) + line("address", remote) + "timeout_ms = 30000\n" +
           "[round_trip]\n" + line("kind", "dns") + line("address", inner) + "[" + table + "]\n" +
           keys;
  };
  const auto certificate = [&](const std::string& folder, const std::string& whose) {
    return pem("certificate", Pem(folder + whose + ".crt")) +
           pem("private_key", Pem(folder + whose + ".key"));
  };
  const std::string ikev2 = pem("ca", Pem("ikev2/ca.crt")) + line("server_id", kIkev2Name);
  switch (vpn) {
    case Vpn::kOpenVpnUdp:
    case Vpn::kOpenVpnTcp:
      return target(
          vpn == Vpn::kOpenVpnUdp ? "openvpn-udp" : "openvpn-tcp", "openvpn",
          vpn == Vpn::kOpenVpnUdp ? "10.8.0.1" : "10.8.16.1",
          pem("ca", Pem("openvpn/ca.crt")) + certificate("openvpn/", old ? "expired" : name));
    case Vpn::kWireGuard:
      return target(
          "wireguard", "wireguard", "10.16.0.1",
          line("private_key", wireguard_client_keys_.at(client - 1)) +
              line("server_public_key", wireguard_server_public_) +
              (flaw == Flaw::kWrongPresharedKey ? line("preshared_key", Text(NewKey())) : "") +
              line("address", "10.16.0." + std::to_string(client + 1)));
    case Vpn::kIkev2:
      return target("ikev2", "ikev2", "10.8.32.1", ikev2 + user);
    case Vpn::kIkev2Certificate:
      return target("ikev2", "ikev2", "10.8.32.1",
                    ikev2 + certificate("ikev2/", old ? "expired" : "client1"));
    case Vpn::kL2tp:
      return target(
          "l2tp", "l2tp", "10.8.48.1",
          line("psk", flaw == Flaw::kWrongPresharedKey ? "wrong-shared-key" : preshared_key_) +
              user);
  }
  return {};
}

}  // namespace lethe::lab
