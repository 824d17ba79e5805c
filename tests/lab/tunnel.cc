#include "tunnel.h"

#include <signal.h>

#include "base/strings.h"
#include "lab.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr seconds kConnectTimeout(60);  // bounds a hang: a busy machine emulates slowly
constexpr std::string_view kConnected = "Initialization Sequence Completed";

std::string ReadLog(const fs::path& log) {
  const auto text = ReadFile(log, 16 << 20);
  return text ? *text : "";
}

size_t Count(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

std::string NameOf(const Machine& machine, const Tunnel::Options& options) {
  return machine.name() + "-" + ToString(options.vpn) + "-" + std::to_string(options.client);
}

std::string RemoteOf(const Tunnel::Options& options) {
  return options.outer_ipv6 ? kServer6 : kServer4;
}

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::Open(Machine& machine, const Credentials& credentials,
                                             const Options& options) {
  return options.vpn == Vpn::kWireGuard ? OpenWireGuard(machine, credentials, options)
                                        : OpenOpenVpn(machine, credentials, options);
}

Result<std::unique_ptr<Tunnel>> Tunnel::OpenOpenVpn(Machine& machine,
                                                    const Credentials& credentials,
                                                    const Options& options) {
  const fs::path config = options.directory / (NameOf(machine, options) + ".ovpn");
  const fs::path log = options.directory / (NameOf(machine, options) + ".log");
  LETHE_TRY(WriteFileAtomic(
      config, credentials.OpenVpnProfile(options.client, options.vpn, RemoteOf(options)), 0600));
  auto client =
      LETHE_TRY(machine.Start({"openvpn", "--config", config.string(), "--dev", "tun0"}, log));
  std::unique_ptr<Tunnel> tunnel(new Tunnel(machine, std::move(client)));
  const bool udp = options.vpn == Vpn::kOpenVpnUdp;
  tunnel->device_ = "tun0";
  tunnel->server4_ = udp ? "10.8.0.1" : "10.8.16.1";
  tunnel->server6_ = udp ? "fd28:8712:ccb8:1::1" : "fd28:8712:ccb8:2::1";
  tunnel->log_ = log;
  const bool up = Eventually(kConnectTimeout, [&] {
    return tunnel->Log().find(kConnected) != std::string::npos || tunnel->client_.Poll();
  });
  if (!up || tunnel->client_.Poll())
    return Error{ErrorCode::kUnavailable, ToString(options.vpn) + ": " + tunnel->Log()};
  return tunnel;
}

Result<std::unique_ptr<Tunnel>> Tunnel::OpenWireGuard(Machine& machine,
                                                      const Credentials& credentials,
                                                      const Options& options) {
  // The program's control socket has the interface's name, and all machines share one folder.
  const std::string device = "wg-" + machine.name();
  const fs::path config = options.directory / (device + ".conf");
  const fs::path log = options.directory / (device + ".log");
  LETHE_TRY(WriteFileAtomic(config, credentials.WireGuardConfig(options.client, RemoteOf(options)),
                            0600));
  auto client = LETHE_TRY(machine.Start({"wireguard-go", "-f", device}, log));
  std::unique_ptr<Tunnel> tunnel(new Tunnel(machine, std::move(client)));
  tunnel->device_ = device;
  tunnel->server4_ = "10.16.0.1";
  tunnel->server6_ = "fd28:8712:ccb8:3::1";
  tunnel->log_ = log;
  const bool made = Eventually(seconds(30), [&] {
    const auto link = machine.Run({"ip", "link", "show", device});
    return link && link->exit_code == 0;
  });
  if (!made)
    return Error{ErrorCode::kUnavailable, "wireguard-go made no interface: " + tunnel->Log()};
  const std::string host = std::to_string(options.client + 1);
  const std::string script =
      "wg setconf $0 $1; ip address add 10.16.0." + host +
      "/32 dev $0; ip -6 address add fd28:8712:ccb8:3::" + host +
      "/128 dev $0; ip link set $0 mtu 1420 up; ip route add 0.0.0.0/1 dev $0; "
      "ip route add 128.0.0.0/1 dev $0; ip -6 route add 2000::/3 dev $0; "
      "ip -6 route add fc00::/7 dev $0; ip route replace " +
      kServer4 + " via 192.0.2.1; ip -6 route replace " + kServer6 + " via 2001:db8:2::1";
  const auto set = LETHE_TRY(machine.Run({"sh", "-ec", script, device, config.string()}));
  if (set.exit_code != 0) return Error{ErrorCode::kIo, "setting up " + device + ": " + set.err};
  if (!Eventually(kConnectTimeout, [&] { return machine.Pings(tunnel->server4_); }))
    return Error{ErrorCode::kUnavailable, "WireGuard carries nothing: " + tunnel->Log()};
  return tunnel;
}

Result<std::string> Tunnel::Address(bool ipv6) const {
  const auto shown = LETHE_TRY(machine_.Run(
      {"ip", "-o", ipv6 ? "-6" : "-4", "address", "show", "dev", device_, "scope", "global"}));
  const auto words = Words(shown.out);
  if (words.size() < 4) return Error{ErrorCode::kNotFound, device_ + " has no address"};
  return std::string(words[3].substr(0, words[3].find('/')));
}

std::string Tunnel::Log() const { return ReadLog(log_); }

Result<std::unique_ptr<IdleClient>> IdleClient::Start(Machine& machine,
                                                      const Credentials& credentials,
                                                      const Tunnel::Options& options) {
  const fs::path config = options.directory / (NameOf(machine, options) + "-idle.ovpn");
  const fs::path log = options.directory / (NameOf(machine, options) + "-idle.log");
  LETHE_TRY(WriteFileAtomic(
      config, credentials.OpenVpnProfile(options.client, options.vpn, RemoteOf(options)), 0600));
  auto client = LETHE_TRY(machine.Start({"openvpn", "--config", config.string(), "--dev", "null",
                                         "--ifconfig-noexec", "--route-noexec"},
                                        log));
  std::unique_ptr<IdleClient> idle(new IdleClient(std::move(client)));
  idle->log_ = log;
  return idle;
}

void IdleClient::Leave() {
  if (!client_.Poll()) ::kill(client_.pid(), SIGTERM);
}

std::string IdleClient::Log() const { return ReadLog(log_); }
size_t IdleClient::connections() const { return Count(Log(), kConnected); }
bool IdleClient::IsConnected() const { return connections() > 0; }

bool IdleClient::WasCut() const {
  const std::string text = Log();
  for (const char* words :
       {"Inactivity timeout", "Connection reset", "server-pushed-connection-reset",
        "Server poll timeout", "SIGUSR1", "SIGTERM[soft,remote-exit]"}) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace lethe::lab
