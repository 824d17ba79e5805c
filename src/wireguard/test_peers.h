// For tests: peers by number, and a WireGuard interface in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "wireguard/device.h"
#include "wireguard/peer_file.h"

namespace lethe::wireguard {

Key TestKey(unsigned number);
// "key - 10.9.x.y/32\n" of each number; the address is that of the number.
std::string TestLines(const std::vector<unsigned>& numbers);
PeerRules TestRules();

// Takes changes as the kernel would, through the bytes of its messages.
class FakeDevice : public Device {
 public:
  struct Held {
    Key preshared_key{};
    std::vector<Prefix> allowed;
    Milliseconds last_handshake{0};
    bool observed = false;
    bool operator==(const Held&) const = default;
  };

  Status Apply(const Change& change, const PeerList& list) override;
  Status ForEachPeer(const std::function<Status(const PeerReport&)>& each) override;

  std::map<Key, Held> peers;
  std::vector<Change> changes;  // those that were applied
  int fail_after = -1;          // so many steps of the next change are taken, then it fails
  bool fails_always = false;    // and everything after it
  bool gone = false;
  bool takes_nothing = false;  // it went away between a question and a change
  bool splits = false;         // tells a peer's last address in a second report

 private:
  Status Take(const Key& key, const PeerList& list);
  bool Fails(int& left);
};

}  // namespace lethe::wireguard
