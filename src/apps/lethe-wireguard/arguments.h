// The command line of lethe-wireguard.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "wireguard/interface.h"
#include "wireguard/peer_file.h"

namespace lethe::wireguard {

inline constexpr std::string_view kHelp =
    R"(lethe-wireguard: a WireGuard interface, its peers, and nothing remembered of them.

  --interface NAME         to make, or to take over
  --private-key FILE       base64, read at the start and at SIGHUP
  --listen-port PORT
  --address ADDRESS/LEN    of the interface; may come several times. Peers' addresses lie in their
                           networks
  --mtu BYTES              1280 to 65535 (1420)
  --forget-after SECONDS   1 to 180 (180): a peer without a handshake for so long is forgotten
  --sweep-ms MS            100 to 60000 (5000): how often that is looked at
  --probe-keys FILE        to write: the keys of the probe's peer
  --check                  looks at the options and the private key, says what is wrong, ends
  --peers FILE             with --check: looks at a file of peers too

Run by lethe-vpnd: docs/formats/wireguard.md.
)";

struct Arguments {
  InterfaceConfig interface;
  std::string private_key;
  uint16_t listen_port = 0;
  std::chrono::milliseconds forget_after{180'000};
  std::chrono::milliseconds sweep{5'000};
  std::string probe_keys;  // empty: none are written
  bool check = false;
  std::string peers;
};

// kUsage names the option.
Result<Arguments> ParseArguments(const std::vector<std::string>& words);

PeerRules RulesOf(const Arguments& arguments, const Key& private_key);

}  // namespace lethe::wireguard
