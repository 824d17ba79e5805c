// Real VPN clients on this side of the laboratory, with traffic through them.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace lethe::lab {

// Connects with the profile, pings the server inside the tunnel, and fetches 1 MiB from a far host
// through the server's NAT (QEMU's network translates 192.0.2.2 to our loopback). Returns a
// sentence for people; an error where any of it fails, with the client's own words.
Result<std::string> TryOpenVpn(const std::map<std::string, std::string>& profile,
                               const std::filesystem::path& dir);
Result<std::string> TryWireGuard(const std::map<std::string, std::string>& profile,
                                 const std::filesystem::path& dir);

// lethe-prober with all credential files of the profile, at the same time. Returns its report, a
// line for each way in; kUnavailable, with the same, where one of them is not ready.
Result<std::string> TryProber(const std::map<std::string, std::string>& profile,
                              const std::filesystem::path& dir);

}  // namespace lethe::lab
