#include "wireguard/test_peers.h"

#include <linux/wireguard.h>
#include <sys/socket.h>

#include "wireguard/netlink_message.h"

namespace lethe::wireguard {

Key TestKey(unsigned number) {
  Key key{};
  key[0] = static_cast<uint8_t>(number >> 8);
  key[1] = static_cast<uint8_t>(number);
  key[31] = 1;
  return key;
}

std::string TestLines(const std::vector<unsigned>& numbers) {
  std::string out;
  for (const unsigned number : numbers) {
    out += WriteKey(TestKey(number)) + " - 10.9." + std::to_string(number >> 8) + "." +
           std::to_string(number & 255) + "/32\n";
  }
  return out;
}

PeerRules TestRules() {
  return {.networks = {ParsePrefix("10.9.0.0/16").value(), ParsePrefix("fd00:9::/64").value()},
          .reserved = {ParsePrefix("10.9.0.1/32").value(), ParsePrefix("fd00:9::1/128").value()},
          .own_key = TestKey(9999)};
}

bool FakeDevice::Fails(int& left) {
  if (left == 0) return true;
  if (left > 0) --left;
  return false;
}

Status FakeDevice::Take(const Key& key, const PeerList& list) {
  const Peer* peer = list.Find(key);
  if (peer == nullptr) return Error{ErrorCode::kMalformed, "a peer is set that nobody knows"};
  const auto allowed = list.AllowedOf(*peer);
  // An address belongs to one peer alone: the last that was given it.
  for (auto& [other, held] : peers) {
    for (const Prefix& prefix : allowed) std::erase(held.allowed, prefix);
  }
  Held& held = peers[key];
  held.preshared_key = peer->preshared_key;
  held.allowed.assign(allowed.begin(), allowed.end());
  return {};
}

Status FakeDevice::Apply(const Change& change, const PeerList& list) {
  const Error refused{ErrorCode::kIo, "changing the peers: no memory"};
  if (gone || takes_nothing) return Error{ErrorCode::kNotFound, "no such device"};
  changes.push_back(change);
  int left = std::exchange(fail_after, fails_always ? 0 : -1);
  if (left == 0) return refused;
  if (change.flush) peers.clear();
  for (const Key& key : change.remove) {
    if (Fails(left)) return refused;
    peers.erase(key);
  }
  for (const Key& key : change.set) {
    if (Fails(left)) return refused;
    LETHE_TRY(Take(key, list));
  }
  for (const Key& key : change.forget) {
    if (Fails(left)) return refused;
    peers.erase(key);
    if (list.Find(key) != nullptr) LETHE_TRY(Take(key, list));
  }
  return {};
}

namespace {

std::string AllowedBytes(std::span<const Prefix> allowed) {
  MessageWriter writer(0, 0);
  for (const Prefix& prefix : allowed) {
    const size_t one = writer.Begin(0);
    writer.Number<uint16_t>(WGALLOWEDIP_A_FAMILY, prefix.v6 ? AF_INET6 : AF_INET);
    writer.Attribute(WGALLOWEDIP_A_IPADDR,
                     {reinterpret_cast<const char*>(prefix.address.data()), prefix.bits() / 8});
    writer.Number<uint8_t>(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
    writer.End(one);
  }
  return writer.Take().substr(sizeof(nlmsghdr));
}

}  // namespace

Status FakeDevice::ForEachPeer(const std::function<Status(const PeerReport&)>& each) {
  if (gone) return Error{ErrorCode::kNotFound, "no such device"};
  for (const auto& [key, held] : peers) {
    const std::span allowed(held.allowed);
    const size_t first = splits && !allowed.empty() ? allowed.size() - 1 : allowed.size();
    const std::string bytes = AllowedBytes(allowed.first(first));
    LETHE_TRY(each({.public_key = key,
                    .preshared_key = held.preshared_key,
                    .last_handshake = held.last_handshake,
                    .observed = held.observed,
                    .allowed = bytes}));
    if (first == allowed.size()) continue;
    const std::string rest = AllowedBytes(allowed.subspan(first));
    LETHE_TRY(each({.public_key = key, .preshared_key = {}, .allowed = rest}));
  }
  return {};
}

}  // namespace lethe::wireguard
