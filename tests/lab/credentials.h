// Keys that come to a server from elsewhere: certificate authorities with clients for OpenVPN and
// IKEv2, key pairs for WireGuard, users with passwords. The server makes none of its own then.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "lab.h"

namespace lethe::lab {

// Each way in. IKEv2 has two: a user with a password (EAP), and a certificate.
enum class Vpn { kOpenVpnUdp, kOpenVpnTcp, kWireGuard, kIkev2, kIkev2Certificate, kL2tp };

std::string ToString(Vpn vpn);  // the name of its service
unsigned PortOf(Vpn vpn);       // for IPsec, that of IKE
int ProtocolOf(Vpn vpn);        // IPPROTO_UDP or IPPROTO_TCP
bool IsIpsec(Vpn vpn);

class Credentials {
 public:
  // For clients 1 to `clients`, at most 99. Files lie in `directory`.
  static Result<Credentials> Make(const std::filesystem::path& directory, unsigned clients);

  // Gives the keys to a running server, tells its resolver to ask the far name server alone, and
  // starts its services anew. Returns when the manager is up again.
  Status Install(ProbeClient& probe) const;

  // `remote` is an address of the server.
  std::string OpenVpnProfile(unsigned client, Vpn vpn, const std::string& remote) const;
  std::string WireGuardConfig(unsigned client, const std::string& remote) const;

  // What keeps a client of the guest out.
  enum class Flaw { kNone, kWrongPassword, kExpiredCertificate, kWrongPresharedKey };
  // The request (docs/formats/client-channel.md) by which the guest connects.
  json::Object ConnectRequest(unsigned client, Vpn vpn, const std::string& remote,
                              Flaw flaw = Flaw::kNone) const;
  // The credential file (docs/formats/prober.md) by which lethe-prober asks the service.
  std::string ProberTarget(unsigned client, Vpn vpn, const std::string& remote,
                           Flaw flaw = Flaw::kNone) const;

 private:
  explicit Credentials(std::filesystem::path directory) : directory_(std::move(directory)) {}
  Status MakeCertificates(const std::string& folder, unsigned clients) const;
  Status MakeWireGuard(unsigned clients);
  Status MakeUsers(unsigned clients);
  std::string OpenVpnProfile(const std::string& name, Vpn vpn, const std::string& remote) const;
  std::string Pem(const std::string& file) const;

  std::filesystem::path directory_;
  std::string wireguard_server_public_;
  std::vector<std::string> wireguard_client_keys_;  // client 1 first
  std::vector<std::string> passwords_;              // likewise
  std::string preshared_key_;
};

}  // namespace lethe::lab
