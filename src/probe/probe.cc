#include "probe/probe.h"

#include "probe/bytes.h"

namespace lethe::probe {
namespace {

// OpenVPN: opcodes in the upper five bits, key id 0 in the lower three.
constexpr char kClientReset = 7 << 3;
constexpr char kServerReset = static_cast<char>(8 << 3);
constexpr size_t kSessionBytes = 8;
// Opcode, its session, one acknowledged packet, our session, its packet number.
constexpr size_t kServerResetBytes = 1 + kSessionBytes + 1 + 4 + kSessionBytes + 4;

bool IsServerReset(std::string_view packet, std::string_view session) {
  return packet.size() >= kServerResetBytes && packet[0] == kServerReset && packet[9] == 1 &&
         BigEndian(packet, 10, 4) == 0 && packet.substr(14, kSessionBytes) == session;
}

// RFC 7296 3.3: one proposal of transforms.
struct Transform {
  uint8_t type;
  uint16_t id;
  uint16_t key_bits;  // 0: no attribute
};
constexpr Transform kTransforms[] = {{1, 20, 256}, {1, 20, 128}, {2, 5, 0}, {2, 7, 0},
                                     {4, 31, 0},   {4, 19, 0},   {4, 14, 0}};
constexpr uint8_t kPayloadSa = 33, kPayloadKe = 34, kPayloadNonce = 40;
constexpr uint8_t kIkeSaInit = 34, kIkeVersion = 0x20, kFlagInitiator = 0x08, kFlagResponse = 0x20;
constexpr uint8_t kPayloadNotify = 41;
constexpr size_t kIkeHeader = 28, kSpiBytes = 8, kPayloadHeader = 4;
constexpr uint16_t kNoProposalChosen = 14, kInvalidKe = 17, kCookie = 16390;
constexpr uint16_t kGroupCurve25519 = 31;

std::string Payload(uint8_t next, const std::string& body) {
  std::string out;
  AppendBigEndian(out, next, 1);
  AppendBigEndian(out, 0, 1);
  AppendBigEndian(out, body.size() + 4, 2);
  return out + body;
}

// Whether a response agrees, or says what a living server says that does not: no proposal chosen,
// another group, a cookie first. `payloads` is all behind the header, `next` the first one's type.
bool IsSaInitResponse(uint8_t next, std::string_view payloads) {
  bool sa = false, ke = false, nonce = false, refusal = false;
  while (next != 0) {
    if (payloads.size() < kPayloadHeader) return false;
    const uint64_t size = BigEndian(payloads, 2, 2);
    if (size < kPayloadHeader || size > payloads.size()) return false;
    sa = sa || next == kPayloadSa;
    ke = ke || next == kPayloadKe;
    nonce = nonce || next == kPayloadNonce;
    if (next == kPayloadNotify && size >= kPayloadHeader + 4) {
      const uint64_t type = BigEndian(payloads, 6, 2);
      refusal = refusal || type == kNoProposalChosen || type == kInvalidKe || type == kCookie;
    }
    next = static_cast<uint8_t>(payloads[0]);
    payloads.remove_prefix(size);
  }
  return payloads.empty() && (refusal || (sa && ke && nonce));
}

std::string SecurityAssociation() {
  std::string transforms;
  size_t left = std::size(kTransforms);
  for (const Transform& transform : kTransforms) {
    AppendBigEndian(transforms, --left == 0 ? 0 : 3, 1);
    AppendBigEndian(transforms, 0, 1);
    AppendBigEndian(transforms, transform.key_bits == 0 ? 8 : 12, 2);
    AppendBigEndian(transforms, transform.type, 1);
    AppendBigEndian(transforms, 0, 1);
    AppendBigEndian(transforms, transform.id, 2);
    if (transform.key_bits == 0) continue;
    AppendBigEndian(transforms, 0x800e, 2);  // key length, a short attribute
    AppendBigEndian(transforms, transform.key_bits, 2);
  }
  std::string proposal;
  AppendBigEndian(proposal, 0, 2);  // the last one
  AppendBigEndian(proposal, transforms.size() + 8, 2);
  AppendBigEndian(proposal, 1, 1);  // number
  AppendBigEndian(proposal, 1, 1);  // IKE
  AppendBigEndian(proposal, 0, 1);  // no SPI
  AppendBigEndian(proposal, std::size(kTransforms), 1);
  return proposal + transforms;
}

}  // namespace

Exchange OpenVpnUdp(const Random& random) {
  const std::string session = Text(random).substr(0, kSessionBytes);
  // No acknowledgements, packet number 0.
  return {.request = kClientReset + session + std::string(5, '\0'),
          .is_answer = [session](std::string_view a) { return IsServerReset(a, session); }};
}

Exchange OpenVpnTcp(const Random& random) {
  Exchange exchange = OpenVpnUdp(random);
  std::string framed;
  AppendBigEndian(framed, exchange.request.size(), 2);
  exchange.request.insert(0, framed);
  exchange.stream = true;
  exchange.is_answer = [in_packet = std::move(exchange.is_answer)](std::string_view answer) {
    if (answer.size() < 2) return false;
    const uint64_t size = BigEndian(answer, 0, 2);
    return answer.size() >= 2 + size && in_packet(answer.substr(2, size));
  };
  return exchange;
}

Exchange Dns(const Random& random) {
  constexpr uint64_t kRecursionDesired = 0x0100, kResponse = 0x8000, kRcode = 0x000f;
  constexpr uint64_t kFormErr = 1, kNotImp = 4, kRefused = 5;
  std::string request = Text(random).substr(0, 2);
  AppendBigEndian(request, kRecursionDesired, 2);
  AppendBigEndian(request, 1, 2);  // one question
  request.append(6, '\0');
  const std::string question("\0\0\2\0\1", 5);  // ".", NS, IN
  request += question;
  return {.request = request, .is_answer = [request, question](std::string_view answer) {
            if (answer.size() < 12 || answer.substr(0, 2) != request.substr(0, 2)) return false;
            const uint64_t flags = BigEndian(answer, 2, 2);
            const uint64_t rcode = flags & kRcode;
            return (flags & kResponse) != 0 && rcode != kFormErr && rcode != kNotImp &&
                   rcode != kRefused && answer.substr(12).starts_with(question);
          }};
}

Exchange Ikev2(const Random& random) {
  const std::string bytes = Text(random);
  const std::string spi = bytes.substr(0, kSpiBytes);
  std::string key;
  AppendBigEndian(key, kGroupCurve25519, 2);
  AppendBigEndian(key, 0, 2);
  key += bytes.substr(8, 32);  // any 32 bytes are a public key
  const std::string payloads = Payload(kPayloadKe, SecurityAssociation()) +
                               Payload(kPayloadNonce, key) + Payload(0, bytes.substr(40, 32));
  std::string request = spi + std::string(kSpiBytes, '\0');
  for (const uint8_t byte : {kPayloadSa, kIkeVersion, kIkeSaInit, kFlagInitiator})
    AppendBigEndian(request, byte, 1);
  AppendBigEndian(request, 0, 4);  // message id
  AppendBigEndian(request, kIkeHeader + payloads.size(), 4);
  return {.request = request + payloads, .is_answer = [spi](std::string_view answer) {
            return answer.size() >= kIkeHeader && answer.substr(0, kSpiBytes) == spi &&
                   BigEndian(answer, 17, 1) == kIkeVersion &&
                   BigEndian(answer, 18, 1) == kIkeSaInit &&
                   (BigEndian(answer, 19, 1) & (kFlagResponse | kFlagInitiator)) == kFlagResponse &&
                   BigEndian(answer, 24, 4) == answer.size() &&
                   IsSaInitResponse(static_cast<uint8_t>(answer[16]), answer.substr(kIkeHeader));
          }};
}

}  // namespace lethe::probe
