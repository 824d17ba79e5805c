#include "frames.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/assert.h"

namespace lethe::lab {
namespace {

constexpr size_t kEthernet = 14, kIpv4 = 20, kIpv6 = 40, kUdp = 8;
constexpr size_t kLongest = 1400;  // of a payload, so that it fits into one frame

unsigned Pair(const std::string& bytes, size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(bytes[at]) << 8 |
                               static_cast<unsigned char>(bytes[at + 1]));
}

void SetPair(std::string& bytes, size_t at, size_t value) {
  bytes[at] = static_cast<char>(value >> 8);
  bytes[at + 1] = static_cast<char>(value);
}

// RFC 1071.
uint32_t Sum(const std::string& bytes, size_t from, size_t size, uint32_t sum) {
  for (size_t i = 0; i < size; i += 2) {
    sum += static_cast<uint32_t>(static_cast<unsigned char>(bytes[from + i]) << 8);
    if (i + 1 < size) sum += static_cast<unsigned char>(bytes[from + i + 1]);
  }
  return sum;
}

size_t Checksum(uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

bool IsIpv4(const std::string& frame) { return Pair(frame, 12) == ETH_P_IP; }
size_t HeadersOf(const std::string& frame) { return kEthernet + (IsIpv4(frame) ? kIpv4 : kIpv6); }

}  // namespace

std::optional<Carried> CarriedBy(const std::string& frame) {
  if (frame.size() < kEthernet + kIpv4) return std::nullopt;
  const bool v4 = IsIpv4(frame);
  if (frame.size() < HeadersOf(frame)) return std::nullopt;
  if (!v4 && Pair(frame, 12) != ETH_P_IPV6) return std::nullopt;
  if (v4 && (frame[kEthernet] != 0x45 || (Pair(frame, kEthernet + 6) & 0x3fff) != 0))
    return std::nullopt;
  const auto protocol = static_cast<unsigned char>(frame[kEthernet + (v4 ? 9 : 6)]);
  size_t start = HeadersOf(frame);
  const size_t end = v4 ? kEthernet + Pair(frame, kEthernet + 2) : start + Pair(frame, 18);
  if (protocol == IPPROTO_UDP) start += kUdp;
  if ((protocol != IPPROTO_UDP && protocol != IPPROTO_ESP) || start > end || end > frame.size())
    return std::nullopt;
  const unsigned port = protocol == IPPROTO_UDP ? Pair(frame, start - kUdp + 2) : 0;
  return Carried{protocol, port, frame.substr(start, end - start)};
}

std::string WithPayload(const std::string& frame, const std::string& payload) {
  const auto carried = CarriedBy(frame);
  LETHE_ASSERT(carried);
  const bool v4 = IsIpv4(frame), udp = carried->protocol == IPPROTO_UDP;
  const size_t headers = HeadersOf(frame);
  const size_t inner = (udp ? kUdp : 0) + payload.size();
  std::string out = frame.substr(0, headers + (udp ? kUdp : 0)) + payload;
  SetPair(out, v4 ? kEthernet + 2 : kEthernet + 4, v4 ? kIpv4 + inner : inner);
  if (v4) {
    SetPair(out, kEthernet + 10, 0);
    SetPair(out, kEthernet + 10, Checksum(Sum(out, kEthernet, kIpv4, 0)));
  }
  if (!udp) return out;
  SetPair(out, headers + 4, inner);
  SetPair(out, headers + 6, 0);
  const size_t addresses = v4 ? 8 : 32;
  const uint32_t pseudo =
      Sum(out, headers - addresses, addresses, static_cast<uint32_t>(IPPROTO_UDP + inner));
  const size_t checksum = Checksum(Sum(out, headers, inner, pseudo));
  SetPair(out, headers + 6, checksum == 0 ? 0xffff : checksum);  // RFC 768: zero means none
  return out;
}

std::string Malformed(std::string payload, std::mt19937& generator) {
  const auto below = [&](size_t limit) { return limit == 0 ? 0 : generator() % limit; };
  const auto noise = [&](size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(generator());
    return bytes;
  };
  switch (below(5)) {
    case 0:
      for (size_t flips = 1 + below(8); flips > 0 && !payload.empty(); --flips)
        payload[below(payload.size())] ^= static_cast<char>(1 + below(255));
      break;
    case 1:
      payload.resize(below(payload.size()));
      break;
    case 2:
      payload += noise(1 + below(200));
      break;
    case 3:  // the first bytes, which say what it is, and nothing of what they promise
      payload = payload.substr(0, 32) + noise(below(kLongest - 32));
      break;
    default:
      payload = noise(below(kLongest));
  }
  payload.resize(std::min(payload.size(), kLongest));
  return payload;
}

std::vector<std::string> Malformed(const std::vector<std::string>& recorded, size_t count,
                                   uint32_t seed) {
  std::vector<std::string> sources, out;
  std::copy_if(recorded.begin(), recorded.end(), std::back_inserter(sources),
               [](const std::string& frame) { return CarriedBy(frame).has_value(); });
  if (sources.empty()) return out;
  std::mt19937 generator(seed);
  while (out.size() < count) {
    const std::string& source = sources[generator() % sources.size()];
    out.push_back(WithPayload(source, Malformed(CarriedBy(source)->payload, generator)));
  }
  return out;
}

}  // namespace lethe::lab
