#include "prober/inner.h"

#include <arpa/inet.h>

#include "base/assert.h"
#include "probe/bytes.h"

namespace lethe::prober {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr size_t kV4Header = 20, kV6Header = 40, kUdpHeader = 8, kDnsHeader = 12;
constexpr uint8_t kIcmp = 1, kUdp = 17, kIcmpV6 = 58;
constexpr uint16_t kDnsPort = 53;
constexpr int kHops = 64;

// RFC 1071
uint16_t Checksum(std::string_view bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) sum += BigEndian(bytes, i, 2);
  if (bytes.size() % 2 == 1) sum += BigEndian(bytes, bytes.size() - 1, 1) << 8;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum & 0xffff);
}

std::string PseudoHeader(const IpAddress& from, const IpAddress& to, size_t size,
                         uint8_t protocol) {
  std::string out = from.bytes + to.bytes;
  AppendBigEndian(out, size, 4);
  AppendBigEndian(out, protocol, 4);
  return out;
}

void SetChecksum(std::string& bytes, size_t at, uint16_t sum) {
  bytes[at] = static_cast<char>(sum >> 8);
  bytes[at + 1] = static_cast<char>(sum & 0xff);
}

uint8_t ProtocolOf(const RoundTrip& round_trip) {
  if (round_trip.kind == RoundTrip::Kind::kDns) return kUdp;
  return round_trip.address.v4() ? kIcmp : kIcmpV6;
}

// RFC 792, RFC 4443: a request with identifier, sequence number and 16 bytes, all random.
std::string Echo(bool v4, const World& world) {
  std::string out(1, static_cast<char>(v4 ? 8 : 128));
  out.append(3, '\0');
  return out + world.random(20);
}

// RFC 1035: the root's name servers, which every resolver knows.
std::string Query(const World& world) {
  const std::string random = world.random(4);
  std::string dns = random.substr(0, 2) + std::string("\1\0\0\1\0\0\0\0\0\0", 10);
  dns += std::string("\0\0\2\0\1", 5);
  const uint64_t port = 0xc000 | (BigEndian(random, 2, 2) & 0x3fff);
  std::string out;
  AppendBigEndian(out, port, 2);
  AppendBigEndian(out, kDnsPort, 2);
  AppendBigEndian(out, kUdpHeader + dns.size(), 2);
  AppendBigEndian(out, 0, 2);
  return out + dns;
}

std::string Header(const IpAddress& from, const IpAddress& to, size_t size, uint8_t protocol) {
  std::string out;
  if (!to.v4()) {
    AppendBigEndian(out, 0x60000000, 4);
    AppendBigEndian(out, size, 2);
    AppendBigEndian(out, protocol, 1);
    AppendBigEndian(out, kHops, 1);
    return out + from.bytes + to.bytes;
  }
  AppendBigEndian(out, 0x4500, 2);
  AppendBigEndian(out, kV4Header + size, 2);
  AppendBigEndian(out, 0x00004000, 4);  // no identification, do not fragment
  AppendBigEndian(out, kHops, 1);
  AppendBigEndian(out, protocol, 1);
  AppendBigEndian(out, 0, 2);
  out += from.bytes + to.bytes;
  SetChecksum(out, 10, Checksum(out));
  return out;
}

bool IsEchoReply(std::string_view answer, std::string_view request, bool v4) {
  return answer.size() == request.size() && answer[0] == static_cast<char>(v4 ? 0 : 129) &&
         answer[1] == 0 && answer.substr(4) == request.substr(4);
}

// Any answer but FORMERR, NOTIMP and a refusal: a resolver without upstream is there too.
bool IsDnsAnswer(std::string_view answer, std::string_view request) {
  constexpr uint64_t kResponse = 0x8000, kRcode = 0x000f;
  constexpr uint64_t kFormErr = 1, kNotImp = 4, kRefused = 5;
  if (answer.size() < kUdpHeader + kDnsHeader) return false;
  if (answer.substr(0, 2) != request.substr(2, 2) || answer.substr(2, 2) != request.substr(0, 2))
    return false;
  answer.remove_prefix(kUdpHeader);
  request.remove_prefix(kUdpHeader);
  const uint64_t flags = BigEndian(answer, 2, 2), rcode = flags & kRcode;
  return answer.substr(0, 2) == request.substr(0, 2) && (flags & kResponse) != 0 &&
         rcode != kFormErr && rcode != kNotImp && rcode != kRefused;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(const std::string& text) {
  std::string bytes(16, '\0');
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return IpAddress{bytes};
  bytes.resize(4);
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return IpAddress{bytes};
  return {};
}

InnerRequest::InnerRequest(RoundTrip round_trip, IpAddress source, const World& world)
    : round_trip_(std::move(round_trip)), source_(std::move(source)) {
  const IpAddress& to = round_trip_.address;
  LETHE_ASSERT(source_.v4() == to.v4());
  const bool dns = round_trip_.kind == RoundTrip::Kind::kDns;
  const uint8_t protocol = ProtocolOf(round_trip_);
  payload_ = dns ? Query(world) : Echo(to.v4(), world);
  std::string summed = payload_;
  if (protocol != kIcmp) summed = PseudoHeader(source_, to, payload_.size(), protocol) + payload_;
  uint16_t sum = Checksum(summed);
  if (dns && sum == 0) sum = 0xffff;  // 0 means none (RFC 768)
  SetChecksum(payload_, dns ? 6 : 2, sum);
  packet_ = Header(source_, to, payload_.size(), protocol) + payload_;
}

std::optional<size_t> IpPacketSize(std::string_view packet) {
  if (packet.size() < kV4Header) return {};
  const uint64_t version = BigEndian(packet, 0, 1) >> 4;
  size_t size = 0;
  if (version == 4) {
    size = BigEndian(packet, 2, 2);
  } else if (version == 6 && packet.size() >= kV6Header) {
    size = kV6Header + BigEndian(packet, 4, 2);
  }
  if (size < kV4Header || size > packet.size()) return {};
  return size;
}

bool InnerRequest::IsAnswer(std::string_view packet) const {
  const auto size = IpPacketSize(packet);
  if (!size) return false;
  packet = packet.substr(0, *size);
  const bool v4 = round_trip_.address.v4();
  const size_t header = v4 ? kV4Header : kV6Header, addresses = v4 ? 12 : 8;
  // Neither options nor extension headers: an answer to such a request has none.
  const uint64_t first = BigEndian(packet, 0, 1);
  if (v4 ? first != 0x45 : first >> 4 != 6) return false;
  if (packet.size() <= header) return false;
  if (static_cast<uint8_t>(packet[v4 ? 9 : 6]) != ProtocolOf(round_trip_)) return false;
  if (packet.substr(addresses, header - addresses) != round_trip_.address.bytes + source_.bytes)
    return false;
  packet.remove_prefix(header);
  return round_trip_.kind == RoundTrip::Kind::kDns ? IsDnsAnswer(packet, payload_)
                                                   : IsEchoReply(packet, payload_, v4);
}

}  // namespace lethe::prober
