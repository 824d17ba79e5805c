// The client profile of a server image (docs/formats/vpn-keys.md, "Profiles"): a tar that the guest
// hands to whoever started it, with the server's own ports in its files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vm/guest.h"

namespace lethe::vm {

// Where the server's ports are on 127.0.0.1.
struct ServerPorts {
  unsigned openvpn_udp = 1194;
  unsigned openvpn_tcp = 4443;  // the server's own, 443, is root's
  unsigned wireguard = 51820;
  unsigned ike = 5500;  // likewise 500
  unsigned ike_nat = 4500;
};

std::vector<PortForward> ForwardsTo(const ServerPorts& ports);

// Text by name of file.
using ClientProfile = std::map<std::string, std::string>;

// The tar that a guest writes to `file`; nothing until all of it is there: it ends with two blocks
// of zeros, and no text has them.
std::optional<std::string> ReadProfileTar(const std::filesystem::path& file);

// The files, each with `ports` instead of the server's own. kMalformed where the tar is damaged or
// has a file that no profile has, or where a file does not name its ports as it should.
Result<ClientProfile> ReadClientProfile(std::string_view tar, const ServerPorts& ports);

// The same files into a folder, which is made where it is missing; for their owner alone.
Status StoreClientProfile(std::string_view tar, const ServerPorts& ports,
                          const std::filesystem::path& folder);

}  // namespace lethe::vm
