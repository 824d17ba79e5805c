#include "vpn_clients.h"

#include "base/strings.h"
#include "base/subprocess.h"
#include "client/transfer.h"
#include "lab.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr size_t kFarBytes = 1 << 20;
constexpr const char* kFarAddress = "192.0.2.2";

Status Shell(const std::string& script) {
  (void)LETHE_TRY(RunChecked({.argv = {"sh", "-ec", script}}));
  return {};
}

Result<std::string> ThroughTunnel(const std::string& device, const std::string& server) {
  const bool pings = Eventually(seconds(30), [&] {
    const auto ping = RunCommand({.argv = {"ping", "-c", "1", "-W", "2", "-I", device, server}});
    return ping && ping->exit_code == 0;
  });
  if (!pings) return Error{ErrorCode::kUnavailable, "no ping to " + server + " through " + device};
  const auto far = LETHE_TRY(FarServer::Start(kFarBytes));
  LETHE_TRY(Shell(std::string("ip route replace ") + kFarAddress + "/32 dev " + device));
  const size_t received = LETHE_TRY(client::Fetch(kFarAddress, far->port(), seconds(60)));
  LETHE_TRY(Shell(std::string("ip route del ") + kFarAddress + "/32"));
  if (received != kFarBytes)
    return Error{ErrorCode::kIo, std::to_string(received) + " bytes came through " + device};
  return "ping " + server + ", 1 MiB from a far host";
}

Error WithLog(const Error& error, const fs::path& log) {
  const auto text = ReadFile(log, 1 << 20);
  return Error{error.code, error.message + "\n" + (text ? *text : "")};
}

}  // namespace

Result<std::string> TryOpenVpn(const std::map<std::string, std::string>& profile,
                               const fs::path& dir) {
  const fs::path config = dir / "client.ovpn";
  const fs::path log = dir / "openvpn.log";
  LETHE_TRY(WriteFileAtomic(config, profile.at("client.ovpn"), 0600));
  auto client = LETHE_TRY(
      ChildProcess::Start({"openvpn", "--config", config.string(), "--dev", "tunclient"}, log));
  auto result = ThroughTunnel("tunclient", "10.8.0.1");
  if (!result) return WithLog(result.error(), log);
  return result;
}

Result<std::string> TryWireGuard(const std::map<std::string, std::string>& profile,
                                 const fs::path& dir) {
  // Address is wg-quick's key, not wg's. The far host is routed too.
  std::string config;
  for (const auto line : Lines(profile.at("client.conf"))) {
    if (line.starts_with("Address")) continue;
    config += std::string(line) +
              (line.starts_with("AllowedIPs") ? std::string(", ") + kFarAddress + "/32" : "") +
              "\n";
  }
  LETHE_TRY(WriteFileAtomic(dir / "wg.conf", config, 0600));
  auto client = LETHE_TRY(ChildProcess::Start({"wireguard-go", "-f", "wgclient"}, dir / "wg.log"));
  if (!Eventually(seconds(30), [] { return fs::exists("/sys/class/net/wgclient"); })) {
    return WithLog({ErrorCode::kUnavailable, "wireguard-go made no interface"}, dir / "wg.log");
  }
  LETHE_TRY(Shell("wg setconf wgclient " + (dir / "wg.conf").string() +
                  "; ip address add 10.16.0.2/12 dev wgclient; ip link set wgclient up"));
  return ThroughTunnel("wgclient", "10.16.0.1");
}

Result<std::string> TryProber(const std::map<std::string, std::string>& profile,
                              const fs::path& dir) {
  std::vector<std::string> argv = {LETHE_PROBER};
  for (const auto& [name, text] : profile) {
    if (!name.ends_with(".toml")) continue;
    argv.push_back((dir / name).string());
    LETHE_TRY(WriteFileAtomic(argv.back(), text, 0600));
  }
  const auto said = LETHE_TRY(RunCommand({.argv = argv}));
  if (said.exit_code == 0) return said.out;
  return Error{ErrorCode::kUnavailable, "lethe-prober: " + said.err + said.out};
}

}  // namespace lethe::lab
