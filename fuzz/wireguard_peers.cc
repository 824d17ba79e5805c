// Files of peers, and messages of the kernel: what is taken obeys the rules, and survives being
// written for the kernel and read again.

#include "base/assert.h"
#include "fuzz.h"
#include "wireguard/device_message.h"
#include "wireguard/netlink_message.h"
#include "wireguard/peer_file.h"

namespace {

using namespace lethe;             // NOLINT: short as a script
using namespace lethe::wireguard;  // NOLINT

PeerRules Rules() {
  return {.networks = {ParsePrefix("10.9.0.0/16").value(), ParsePrefix("fd00:9::/64").value()},
          .reserved = {ParsePrefix("10.9.0.1/32").value()},
          .own_key = std::nullopt};
}

void CheckList(const PeerList& list, const PeerRules& rules) {
  LETHE_ASSERT(FindOverlap(list) == 0);
  for (size_t i = 0; i < list.peers.size(); ++i) {
    LETHE_ASSERT(i == 0 || list.peers[i - 1].public_key < list.peers[i].public_key);
    LETHE_ASSERT(list.peers[i].count > 0);
    for (const Prefix& prefix : list.AllowedOf(list.peers[i]))
      LETHE_ASSERT(!Refusal(prefix, rules));
  }
  LETHE_ASSERT(Difference(list, list).empty());
  size_t read = 0;
  const Status sent = EncodeChange({}, Difference({}, list), list, [&](std::string& message) {
    std::string_view bytes = message;
    const auto view = TakeMessage(bytes).value();
    return DecodePeers(view.payload, [&](const PeerReport& peer) -> Status {
      std::vector<Prefix> allowed;
      LETHE_TRY(DecodeAllowed(peer.allowed, allowed));
      const auto wanted = list.AllowedOf(list.peers[read++]);
      LETHE_ASSERT(std::equal(allowed.begin(), allowed.end(), wanted.begin(), wanted.end()));
      return {};
    });
  });
  LETHE_ASSERT(sent.has_value() && read == list.peers.size());
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input = fuzz::View(data, size);
  const PeerRules rules = Rules();
  const auto list = ParsePeers(input, rules);
  if (list) {
    CheckList(*list, rules);
  } else {
    LETHE_ASSERT(list.error().code == ErrorCode::kMalformed);
    LETHE_ASSERT(list.error().message.starts_with("line "));
  }
  (void)ParseKeys(input);
  (void)DecodePeers(input, [](const PeerReport& peer) {
    std::vector<Prefix> allowed;
    return DecodeAllowed(peer.allowed, allowed);
  });
  return 0;
}
