#include "vm/client_profile.h"

#include "archive/archive.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::vm {
namespace {

constexpr uint64_t kMaxClientProfile = 1 << 20;

// A port of the server, and where clients find it.
struct Port {
  const char* protocol;
  unsigned guest;
  unsigned ServerPorts::*host;
};
constexpr Port kOpenVpnUdp = {"udp", 1194, &ServerPorts::openvpn_udp};
constexpr Port kOpenVpnTcp = {"tcp", 443, &ServerPorts::openvpn_tcp};
constexpr Port kWireGuard = {"udp", 51820, &ServerPorts::wireguard};
constexpr Port kIke = {"udp", 500, &ServerPorts::ike};
constexpr Port kIkeNat = {"udp", 4500, &ServerPorts::ike_nat};
constexpr const Port* kPorts[] = {&kOpenVpnUdp, &kOpenVpnTcp, &kWireGuard, &kIke, &kIkeNat};

// A whole line of a file: `before` and a port.
struct PortLine {
  const char* file;
  const char* before;
  const Port& port;
};
constexpr PortLine kPortLines[] = {
    {"client.ovpn", "remote 127.0.0.1 ", kOpenVpnUdp},
    {"client-tcp.ovpn", "remote 127.0.0.1 ", kOpenVpnTcp},
    {"client.conf", "Endpoint = 127.0.0.1:", kWireGuard},
    {"openvpn-udp.toml", "port = ", kOpenVpnUdp},
    {"openvpn-tcp.toml", "port = ", kOpenVpnTcp},
    {"wireguard.toml", "port = ", kWireGuard},
    {"ikev2.toml", "port = ", kIke},
    {"ikev2.toml", "nat_port = ", kIkeNat},
    {"ikev2-certificate.toml", "port = ", kIke},
    {"ikev2-certificate.toml", "nat_port = ", kIkeNat},
    {"l2tp.toml", "port = ", kIke},
    {"l2tp.toml", "nat_port = ", kIkeNat},
};
// These name no port.
constexpr std::string_view kOtherFiles[] = {"ikev2-ca.crt", "ikev2-client.crt", "ikev2-client.key",
                                            "ikev2.conf", "l2tp.conf"};

bool IsKnown(std::string_view file) {
  for (const PortLine& line : kPortLines)
    if (line.file == file) return true;
  for (const std::string_view other : kOtherFiles)
    if (other == file) return true;
  return false;
}

// `old_line` stands in the text exactly once.
Result<std::string> ReplaceLine(const std::string& text, const std::string& old_line,
                                const std::string& new_line, const std::string& file) {
  std::string out;
  unsigned found = 0;
  for (const auto line : Lines(text)) {
    const bool is_it = line == old_line;
    found += is_it ? 1U : 0U;
    out.append(is_it ? new_line : line).append("\n");
  }
  if (found == 1) return out;
  return Error{ErrorCode::kMalformed, "client profile: " + file + " has the line '" + old_line +
                                          "' " + Counted(found, "time")};
}

}  // namespace

std::vector<PortForward> ForwardsTo(const ServerPorts& ports) {
  std::vector<PortForward> out;
  for (const Port* port : kPorts) out.push_back({port->protocol, ports.*port->host, port->guest});
  return out;
}

std::optional<std::string> ReadProfileTar(const std::filesystem::path& file) {
  constexpr size_t kTarBlock = 512;
  auto tar = ReadFile(file, kMaxClientProfile);
  if (!tar || tar->size() % kTarBlock != 0 || !tar->ends_with(std::string(2 * kTarBlock, '\0')))
    return std::nullopt;
  return std::move(*tar);
}

Result<ClientProfile> ReadClientProfile(std::string_view tar, const ServerPorts& ports) {
  ClientProfile out;
  auto reader = LETHE_TRY(archive::Reader::OpenMemory(tar, "client profile"));
  while (auto entry = LETHE_TRY(reader.Next())) {
    if (!IsKnown(entry->path) || entry->type != archive::EntryType::kFile)
      return Error{ErrorCode::kMalformed,
                   "client profile: unexpected file '" + Printable(entry->path) + "'"};
    out[entry->path] = LETHE_TRY(reader.ReadData(kMaxClientProfile));
  }
  for (const auto& [file, before, port] : kPortLines) {
    const auto found = out.find(file);
    if (found == out.end()) continue;
    found->second = LETHE_TRY(ReplaceLine(found->second, before + std::to_string(port.guest),
                                          before + std::to_string(ports.*port.host), found->first));
  }
  return out;
}

Status StoreClientProfile(std::string_view tar, const ServerPorts& ports,
                          const std::filesystem::path& folder) {
  LETHE_TRY(MakeDirectories(folder));
  for (const auto& [name, text] : LETHE_TRY(ReadClientProfile(tar, ports)))
    LETHE_TRY(WriteFileAtomic(folder / name, text, 0600));
  return {};
}

}  // namespace lethe::vm
