#include "client/plan.h"

#include "base/strings.h"

namespace lethe::client {
namespace {

const std::string kBelow = std::string(kFolder) + "/";

bool IsIpv6(const std::string& address) { return address.find(':') != std::string::npos; }

// Everything on one file that is read while it grows; nothing to a journal, which does not exist.
std::string CharonSettings() {
  return "charon-systemd {\n"
         "  journal {\n    default = -1\n  }\n"
         "  filelog {\n    log {\n      path = " +
         kBelow +
         "charon.log\n"
         "      default = 1\n      flush_line = yes\n    }\n  }\n"
         // Not whatever is installed: one of Debian's plugins lets a whole network around the
         // tunnel.
         "  load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints revocation "
         "kernel-netlink socket-default vici eap-identity eap-mschapv2 resolve\n"
         "  retransmit_tries = 3\n  retransmit_timeout = 2.0\n"
         "  plugins {\n    resolve {\n      file = " +
         kBelow +
         "resolv.conf\n    }\n  }\n"
         "}\nswanctl {\n  load = random nonce openssl pem pkcs1 pkcs8 x509 pubkey\n}\n";
}

std::string Setting(const char* key, const std::string& value) {
  return value.empty() ? "" : std::string("    ") + key + " = " + value + "\n";
}

std::string Ikev2Connection(const ConnectRequest& request) {
  const bool by_certificate = !request.certificate.empty();
  std::string out =
      "connections {\n  vpn {\n    version = 2\n    remote_addrs = " + request.server +
      "\n    vips = 0.0.0.0, ::\n    dpd_delay = 10s\n" + Setting("proposals", request.ike) +
      "    local {\n" +
      (by_certificate ? "      auth = pubkey\n      certs = " + kBelow + "x509/client.pem\n"
                      : "      auth = eap\n      id = \"" + request.user + "\"\n      eap_id = \"" +
                            request.user + "\"\n") +
      "    }\n    remote {\n      auth = pubkey\n      id = " + request.server_name +
      "\n    }\n    children {\n      vpn {\n        remote_ts = 0.0.0.0/0, ::/0\n    " +
      Setting("esp_proposals", request.esp) + "      }\n    }\n  }\n}\n";
  if (!by_certificate) {
    out += "secrets {\n  eap-client {\n    id = \"" + request.user + "\"\n    secret = \"" +
           request.password + "\"\n  }\n}\n";
  }
  return out;
}

// strongSwan's own default for IKEv1 is a single combination. These are what clients of L2TP offer.
constexpr const char* kL2tpIke =
    "aes256-sha256-modp2048, aes256-sha1-modp2048, aes256-sha1-ecp384, aes128-sha1-ecp256, "
    "aes128-sha1-modp2048";
constexpr const char* kL2tpEsp = "aes256-sha256, aes256-sha1, aes128-sha1";

// IKEv1 in transport mode, for L2TP alone (RFC 3193).
std::string L2tpConnection(const ConnectRequest& request) {
  return "connections {\n  vpn {\n    version = 1\n    remote_addrs = " + request.server +
         "\n    dpd_delay = 10s\n" +
         Setting("proposals", request.ike.empty() ? kL2tpIke : request.ike) +
         "    local {\n      auth = psk\n    }\n    remote {\n      auth = psk\n    }\n"
         "    children {\n      vpn {\n        mode = transport\n"
         "        local_ts = dynamic[17/1701]\n        remote_ts = dynamic[17/1701]\n    " +
         Setting("esp_proposals", request.esp.empty() ? kL2tpEsp : request.esp) +
         "      }\n    }\n  }\n}\nsecrets {\n  ike-client {\n    secret = \"" +
         request.preshared_key + "\"\n  }\n}\n";
}

std::string L2tpSettings(const ConnectRequest& request) {
  return "[global]\nport = 1701\naccess control = no\n[lac vpn]\nlns = " + request.server +
         "\npppoptfile = " + kBelow +
         "ppp\nautodial = yes\nredial = no\nlength bit = yes\n"
         "ppp debug = no\n";
}

std::string PppSettings(const ConnectRequest& request) {
  return "noauth\nnodefaultroute\nnodetach\nnoccp\nnobsdcomp\nnodeflate\nnovj\n"
         "refuse-eap\nrefuse-pap\nrefuse-chap\nrefuse-mschap\n"
         "ipcp-accept-local\nipcp-accept-remote\n+ipv6\nusepeerdns\nmtu 1400\nmru 1400\n"
         "lcp-echo-interval 10\nlcp-echo-failure 3\nlogfile " +
         kBelow + "ppp.log\n" + "name \"" + request.user + "\"\npassword \"" + request.password +
         "\"\n";
}

void AddIke(const ConnectRequest& request, Plan& plan) {
  const bool l2tp = request.protocol == Protocol::kL2tp;
  const std::string environment[] = {"STRONGSWAN_CONF=" + kBelow + "strongswan.conf",
                                     "SWANCTL_DIR=" + kBelow.substr(0, kBelow.size() - 1)};
  const auto with = [&](std::vector<std::string> argv) {
    argv.insert(argv.begin(), {"/usr/bin/env", environment[0], environment[1]});
    return argv;
  };
  plan.files = {
      {kBelow + "strongswan.conf", CharonSettings()},
      {kBelow + "swanctl.conf", l2tp ? L2tpConnection(request) : Ikev2Connection(request)},
      {kBelow + "x509ca/ca.pem", request.authority},
      {kBelow + "x509/client.pem", request.certificate},
      {kBelow + "private/client.pem", request.key}};
  std::erase_if(plan.files, [](const PlannedFile& file) { return file.content.empty(); });
  plan.daemon = with({"/usr/sbin/charon-systemd"});
  plan.load = with({"/usr/sbin/swanctl", "--load-all"});
  plan.initiate = with({"/usr/sbin/swanctl", "--initiate", "--child", "vpn", "--timeout",
                        std::to_string(request.timeout.count())});
  plan.logs = {kBelow + "charon.log"};
}

std::string OneRoute(const std::string& target, const std::string& rest) {
  return "route replace " + target + " " + rest + "\n";
}

std::string CarriersOf(const ConnectRequest& connection) {
  const std::string to =
      (IsIpv6(connection.server) ? "    ip6 daddr " : "    ip daddr ") + connection.server;
  if (connection.protocol == Protocol::kOpenVpn || connection.protocol == Protocol::kWireGuard) {
    return to + (connection.tcp ? " tcp dport " : " udp dport ") + std::to_string(connection.port) +
           " accept\n";
  }
  // A packet passes twice: as it is, and in its ESP.
  return to + " udp dport { 500, 4500 } accept\n" + to + " meta l4proto esp accept\n" +
         "    rt ipsec exists accept\n";
}

}  // namespace

Plan PlanOf(const ConnectRequest& request) {
  Plan plan;
  switch (request.protocol) {
    case Protocol::kOpenVpn:
      plan.device = "tun0";
      plan.files = {{kBelow + "profile", request.config}};
      plan.daemon = {
          "/usr/sbin/openvpn", "--config", kBelow + "profile", "--dev", plan.device, "--verb", "3"};
      plan.logs = {kBelow + "daemon.log"};
      break;
    case Protocol::kWireGuard:
      plan.device = "wg0";
      plan.files = {{kBelow + "profile", request.config}};
      break;
    case Protocol::kIkev2:
      plan.device = kUplink;
      AddIke(request, plan);
      break;
    case Protocol::kL2tp:
      plan.device = "ppp0";
      AddIke(request, plan);
      plan.files.push_back({kBelow + "xl2tpd.conf", L2tpSettings(request)});
      plan.files.push_back({kBelow + "ppp", PppSettings(request)});
      plan.second_daemon = {"/usr/sbin/xl2tpd",
                            "-D",
                            "-c",
                            kBelow + "xl2tpd.conf",
                            "-s",
                            kBelow + "secrets",
                            "-p",
                            kBelow + "xl2tpd.pid",
                            "-C",
                            kBelow + "control"};
      plan.logs.insert(plan.logs.end(), {kBelow + "second.log", kBelow + "ppp.log"});
      break;
  }
  return plan;
}

std::string WireGuardBatch(const ConnectRequest& request) {
  std::string out;
  for (const std::string& address : request.addresses)
    out += "address add " + address + " dev wg0" + (IsIpv6(address) ? " nodad\n" : "\n");
  return out + "link set wg0 mtu 1420 up\n";
}

std::string RoutesInto(const std::string& device, const std::string& server,
                       const std::vector<std::string>& gateways) {
  std::string out;
  for (const std::string& gateway : gateways) {
    if (IsIpv6(gateway) == IsIpv6(server))
      out += OneRoute(server, "via " + gateway + " dev " + kUplink);
  }
  if (device.empty()) return out;
  // More specific than the default routes, which stay for when the tunnel is gone.
  for (const char* half : {"0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7"})
    out += OneRoute(half, "dev " + device);
  return out;
}

std::string GuardRules(const ConnectRequest* connection) {
  return std::string("table inet guard\ndelete table inet guard\ntable inet guard {\n") +
         "  counter held {\n  }\n"
         "  chain output {\n"
         "    type filter hook output priority filter; policy accept;\n"
         "    oifname != \"" +
         kUplink +
         "\" accept\n"
         "    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, "
         "mld-listener-report, mld2-listener-report } accept\n" +
         (connection == nullptr ? "" : CarriersOf(*connection)) +
         "    counter name held drop\n  }\n}\n";
}

std::string OpenRules() {
  return std::string("table inet guard\ndelete table inet guard\ntable inet guard {\n") +
         "  chain output {\n"
         "    type filter hook output priority filter; policy accept;\n"
         "    udp dport 1701 rt ipsec missing drop\n"
         "    oifname \"" +
         std::string(kUplink) + "\" tcp flags rst drop\n  }\n}\n";
}

}  // namespace lethe::client
