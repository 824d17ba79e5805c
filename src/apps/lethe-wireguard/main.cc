// lethe-wireguard: a WireGuard interface of the kernel, its peers held in memory, and a reaper that
// makes the kernel forget where peers were. A service of lethe-vpnd (docs/formats/wireguard.md).

#include <cstdio>

#include "apps/lethe-wireguard/arguments.h"
#include "apps/lethe-wireguard/service.h"
#include "base/file.h"

namespace lethe::wireguard {
namespace {

Status Check(const Arguments& arguments) {
  Key key = LETHE_TRY_IN(ReadKeyFile(arguments.private_key), "--private-key");
  const PeerRules rules = RulesOf(arguments, key);
  Forget(key);
  if (arguments.peers.empty()) return {};
  std::string text = LETHE_TRY_IN(ReadFile(arguments.peers, kMaxPeerFileBytes), "--peers");
  const auto peers = ParsePeers(text, rules);
  Forget(text);
  if (!peers) return peers.error().In(arguments.peers);
  std::printf("%zu peers\n", peers->peers.size());
  return {};
}

int Main(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "--help") {
    std::fputs(std::string(kHelp).c_str(), stdout);
    return 0;
  }
  const auto arguments = ParseArguments(words);
  if (!arguments) {
    std::fprintf(stderr, "lethe-wireguard: %s\n", arguments.error().message.c_str());
    return ExitCode(arguments.error().code);
  }
  if (!arguments->check) return static_cast<int>(Serve(*arguments));
  const Status status = Check(*arguments);
  if (status) return 0;
  std::fprintf(stderr, "lethe-wireguard: %s\n", status.error().message.c_str());
  return ExitCode(status.error().code);
}

}  // namespace
}  // namespace lethe::wireguard

int main(int argc, char** argv) { return lethe::wireguard::Main({argv + 1, argv + argc}); }
