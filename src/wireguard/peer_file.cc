#include "wireguard/peer_file.h"

#include <algorithm>
#include <string>

#include "base/strings.h"

namespace lethe::wireguard {
namespace {

Error InLine(size_t line, std::string_view why) {
  return Error{ErrorCode::kMalformed, "line " + std::to_string(line) + ": " + std::string(why)};
}

// Calls `each` with every line and its number, from 1 on.
template <typename Each>
Status ForEachLine(std::string_view text, Each each) {
  size_t number = 0;
  while (!text.empty()) {
    if (++number > kMaxPeers)
      return InLine(number, "more than " + std::to_string(kMaxPeers) + " lines");
    const size_t end = text.find('\n');
    // The rest of a file that was cut off may look like a line.
    if (end == std::string_view::npos) return InLine(number, "does not end in a newline");
    if (end > kMaxPeerLine)
      return InLine(number, "more than " + std::to_string(kMaxPeerLine) + " bytes");
    if (const Status status = each(number, text.substr(0, end)); !status)
      return InLine(number, status.error().message);
    text.remove_prefix(end + 1);
  }
  return {};
}

// The next part up to `separator`, which is taken from `rest`; the last one empties it.
std::string_view Next(std::string_view& rest, char separator) {
  const size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

Result<Peer> ParsePeer(std::string_view line, const PeerRules& rules,
                       std::vector<Prefix>& allowed) {
  if (std::count(line.begin(), line.end(), ' ') != 2) {
    return Error{ErrorCode::kMalformed,
                 "not a public key, a preshared key or '-', and allowed addresses"};
  }
  Peer peer;
  peer.public_key = LETHE_TRY(ParseKey(Next(line, ' ')));
  if (peer.public_key == rules.own_key)
    return Error{ErrorCode::kMalformed, "the key is the server's own"};
  const std::string_view preshared = Next(line, ' ');
  if (preshared != "-") peer.preshared_key = LETHE_TRY(ParseKey(preshared));
  peer.first = static_cast<uint32_t>(allowed.size());
  if (line.ends_with(',')) return Error{ErrorCode::kMalformed, "an address is missing"};
  do {
    const Prefix prefix = LETHE_TRY(ParsePrefix(Next(line, ',')));
    if (const auto refusal = Refusal(prefix, rules))
      return Error{ErrorCode::kMalformed, std::string(*refusal)};
    allowed.push_back(prefix);
  } while (!line.empty());
  peer.count = static_cast<uint32_t>(allowed.size()) - peer.first;
  std::sort(allowed.begin() + peer.first, allowed.end());
  return peer;
}

// The line of the first key that came before, 0 where each is there once. Keys are sorted, equal
// ones by line.
template <typename Item, typename KeyOf, typename LineOf>
size_t FirstRepeated(const std::vector<Item>& sorted, KeyOf key, LineOf line) {
  size_t first = 0;
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (key(sorted[i - 1]) != key(sorted[i])) continue;
    first = first == 0 ? line(sorted[i]) : std::min<size_t>(first, line(sorted[i]));
  }
  return first;
}

}  // namespace

std::optional<std::string_view> Refusal(const Prefix& prefix, const PeerRules& rules) {
  const auto contains = [&](const Prefix& network) { return Contains(network, prefix); };
  if (std::none_of(rules.networks.begin(), rules.networks.end(), contains))
    return "an allowed address lies outside of the server's networks";
  const auto is_in = [&](const Prefix& own) { return Contains(prefix, own); };
  if (std::any_of(rules.reserved.begin(), rules.reserved.end(), is_in))
    return "an allowed address is the server's own";
  return std::nullopt;
}

Result<PeerList> ParsePeers(std::string_view text, const PeerRules& rules) {
  PeerList list;
  LETHE_TRY(ForEachLine(text, [&](size_t number, std::string_view line) -> Status {
    Peer peer = LETHE_TRY(ParsePeer(line, rules, list.allowed));
    peer.line = static_cast<uint32_t>(number);
    list.peers.push_back(peer);
    return {};
  }));
  std::sort(list.peers.begin(), list.peers.end(), [](const Peer& a, const Peer& b) {
    return a.public_key != b.public_key ? a.public_key < b.public_key : a.line < b.line;
  });
  const size_t repeated = FirstRepeated(
      list.peers, [](const Peer& peer) { return peer.public_key; },
      [](const Peer& peer) { return peer.line; });
  if (repeated != 0) return InLine(repeated, "the key came before");
  if (const uint32_t line = FindOverlap(list); line != 0)
    return InLine(line, "an allowed address overlaps with another");
  return list;
}

Result<std::vector<Key>> ParseKeys(std::string_view text) {
  struct Line {
    Key key;
    size_t number;
  };
  std::vector<Line> lines;
  LETHE_TRY(ForEachLine(text, [&](size_t number, std::string_view line) -> Status {
    lines.push_back({LETHE_TRY(ParseKey(line)), number});
    return {};
  }));
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.key != b.key ? a.key < b.key : a.number < b.number;
  });
  const size_t repeated = FirstRepeated(
      lines, [](const Line& line) { return line.key; },
      [](const Line& line) { return line.number; });
  if (repeated != 0) return InLine(repeated, "the key came before");
  std::vector<Key> keys;
  keys.reserve(lines.size());
  for (const Line& line : lines) keys.push_back(line.key);
  return keys;
}

}  // namespace lethe::wireguard
