#include "prober/ikev2_payloads.h"

#include <algorithm>

#include "probe/bytes.h"

namespace lethe::prober::ike {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;
using namespace std::string_view_literals;  // NOLINT: the literals have zeros

constexpr size_t kProposalHead = 8, kTransformHead = 8;
constexpr uint16_t kKeyLength = 0x800e;  // an attribute of two bytes
constexpr uint8_t kMethodMic = 2, kMethodSignature = 14;
constexpr uint8_t kIdV4 = 1, kIdFqdn = 2, kIdEmail = 3, kIdV6 = 5, kIdDn = 9;
constexpr uint8_t kConfigRequest = 1, kConfigReply = 2;
constexpr uint16_t kConfigV4 = 1, kConfigV6 = 8;

struct Transform {
  uint8_t type = 0;
  uint16_t id = 0;
  uint16_t key_bits = 0;
  auto operator<=>(const Transform&) const = default;
};

std::vector<Transform> TransformsOf(const Suite& suite, uint8_t protocol) {
  std::vector<Transform> out = {{1, suite.encryption, suite.key_bits}};
  if (suite.prf != 0) out.push_back({2, suite.prf, 0});
  if (suite.integrity != 0) out.push_back({3, suite.integrity, 0});
  if (suite.group != 0) out.push_back({4, suite.group, 0});
  if (protocol == kProtocolEsp) out.push_back({5, 0, 0});  // no extended sequence numbers
  return out;
}

std::string FormatTransform(const Transform& transform, bool last) {
  std::string out;
  AppendBigEndian(out, last ? 0 : 3, 1);
  AppendBigEndian(out, 0, 1);
  AppendBigEndian(out, transform.key_bits == 0 ? kTransformHead : kTransformHead + 4, 2);
  AppendBigEndian(out, transform.type, 1);
  AppendBigEndian(out, 0, 1);
  AppendBigEndian(out, transform.id, 2);
  if (transform.key_bits == 0) return out;
  AppendBigEndian(out, kKeyLength, 2);
  AppendBigEndian(out, transform.key_bits, 2);
  return out;
}

// Nothing where it is cut, or has an attribute that we did not send.
std::optional<std::vector<Transform>> ReadTransforms(std::string_view bytes, size_t count) {
  std::vector<Transform> out;
  for (; count > 0; --count) {
    if (bytes.size() < kTransformHead) return {};
    const uint64_t size = BigEndian(bytes, 2, 2);
    if (size < kTransformHead || size > bytes.size()) return {};
    Transform one{static_cast<uint8_t>(bytes[4]), static_cast<uint16_t>(BigEndian(bytes, 6, 2))};
    if (size == kTransformHead + 4 && BigEndian(bytes, 8, 2) == kKeyLength) {
      one.key_bits = static_cast<uint16_t>(BigEndian(bytes, 10, 2));
    } else if (size != kTransformHead) {
      return {};
    }
    out.push_back(one);
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return {};
  return out;
}

struct SignatureScheme {
  std::string_view algorithm;  // DER
  crypto::Hash hash;
};
constexpr SignatureScheme kSchemes[] = {
    {"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"sv, crypto::Hash::kSha256},
    {"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00"sv, crypto::Hash::kSha384},
    {"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00"sv, crypto::Hash::kSha512},
    {"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"sv, crypto::Hash::kSha256},
    {"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"sv, crypto::Hash::kSha384},
    {"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"sv, crypto::Hash::kSha512}};

std::string WithHead(uint8_t first, std::string_view rest) {
  std::string out(1, static_cast<char>(first));
  out.append(3, '\0');
  return out.append(rest);
}

void AppendSelector(std::string& out, bool v4) {
  const size_t size = v4 ? 4 : 16;
  AppendBigEndian(out, v4 ? 7 : 8, 1);
  AppendBigEndian(out, 0, 1);  // any protocol
  AppendBigEndian(out, 8 + 2 * size, 2);
  AppendBigEndian(out, 0, 2);
  AppendBigEndian(out, 0xffff, 2);
  out.append(size, '\0').append(size, '\xff');
}

std::string Mic(const Suite& suite, std::string_view key, std::string_view signed_octets) {
  return Prf(suite, Prf(suite, key, "Key Pad for IKEv2"), signed_octets);
}

}  // namespace

std::string FormatSa(uint8_t protocol, std::string_view spi, const std::vector<Suite>& suites) {
  std::string out;
  for (size_t i = 0; i < suites.size(); ++i) {
    const auto transforms = TransformsOf(suites[i], protocol);
    std::string body;
    for (size_t t = 0; t < transforms.size(); ++t)
      body += FormatTransform(transforms[t], t + 1 == transforms.size());
    AppendBigEndian(out, i + 1 < suites.size() ? 2 : 0, 1);
    AppendBigEndian(out, 0, 1);
    AppendBigEndian(out, kProposalHead + spi.size() + body.size(), 2);
    AppendBigEndian(out, i + 1, 1);
    AppendBigEndian(out, protocol, 1);
    AppendBigEndian(out, spi.size(), 1);
    AppendBigEndian(out, transforms.size(), 1);
    out.append(spi).append(body);
  }
  return out;
}

std::optional<ChosenSa> ReadSa(std::string_view body, uint8_t protocol, size_t spi_bytes,
                               const std::vector<Suite>& offered) {
  if (body.size() < kProposalHead + spi_bytes || BigEndian(body, 0, 1) != 0) return {};
  if (BigEndian(body, 2, 2) != body.size() || BigEndian(body, 5, 1) != protocol) return {};
  if (BigEndian(body, 6, 1) != spi_bytes) return {};
  const uint64_t number = BigEndian(body, 4, 1);
  if (number == 0 || number > offered.size()) return {};
  const Suite& suite = offered[number - 1];
  auto transforms = ReadTransforms(body.substr(kProposalHead + spi_bytes), BigEndian(body, 7, 1));
  if (!transforms) return {};
  auto expected = TransformsOf(suite, protocol);
  std::sort(transforms->begin(), transforms->end());
  std::sort(expected.begin(), expected.end());
  if (*transforms != expected) return {};
  return ChosenSa{suite, std::string(body.substr(kProposalHead, spi_bytes))};
}

std::string FormatKe(const crypto::KeyExchange& exchange) {
  std::string out;
  AppendBigEndian(out, static_cast<uint16_t>(exchange.group()), 2);
  AppendBigEndian(out, 0, 2);
  return out + exchange.public_value();
}

std::optional<std::string> ReadKe(std::string_view body, uint16_t group) {
  if (body.size() < 4 || BigEndian(body, 0, 2) != group) return {};
  return std::string(body.substr(4));
}

std::string FormatNotify(uint16_t type, std::string_view data) {
  std::string out(2, '\0');  // of no protocol, without SPI
  AppendBigEndian(out, type, 2);
  return out.append(data);
}

std::vector<Notify> Notifies(const Payloads& payloads) {
  std::vector<Notify> out;
  for (const Payload& payload : payloads) {
    if (payload.type != kNotify || payload.body.size() < 4) continue;
    const size_t spi = BigEndian(payload.body, 1, 1);
    if (payload.body.size() < 4 + spi) continue;
    out.push_back(
        {static_cast<uint16_t>(BigEndian(payload.body, 2, 2)), payload.body.substr(4 + spi)});
  }
  return out;
}

std::string FormatId(const std::string& id, const std::string& subject_der) {
  if (id.empty()) return WithHead(kIdDn, subject_der);
  if (const auto address = IpAddress::Parse(id))
    return WithHead(address->v4() ? kIdV4 : kIdV6, address->bytes);
  return WithHead(id.find('@') == std::string::npos ? kIdFqdn : kIdEmail, id);
}

std::string FormatSignature(const crypto::Identity& identity, std::string_view signed_octets) {
  const std::string algorithm = identity.SignatureAlgorithm();
  std::string out = WithHead(kMethodSignature, "");
  AppendBigEndian(out, algorithm.size(), 1);
  return out + algorithm + identity.Sign(signed_octets);
}

bool CheckSignature(std::string_view body, const crypto::ServerKey& key,
                    std::string_view signed_octets) {
  if (body.size() < 5 || BigEndian(body, 0, 1) != kMethodSignature) return false;
  const size_t size = BigEndian(body, 4, 1);
  if (body.size() < 5 + size) return false;
  const std::string_view algorithm = body.substr(5, size);
  for (const SignatureScheme& scheme : kSchemes) {
    if (scheme.algorithm == algorithm)
      return key.Verify({.hash = scheme.hash, .bytes = body.substr(5 + size)}, signed_octets);
  }
  return false;
}

std::string FormatMic(const Suite& suite, std::string_view key, std::string_view signed_octets) {
  return WithHead(kMethodMic, Mic(suite, key, signed_octets));
}

bool CheckMic(std::string_view body, const Suite& suite, std::string_view key,
              std::string_view signed_octets) {
  return body == FormatMic(suite, key, signed_octets);
}

std::string FormatTrafficSelectors() {
  std::string out = WithHead(2, "");
  AppendSelector(out, true);
  AppendSelector(out, false);
  return out;
}

std::string FormatConfigRequest(bool v4) {
  std::string out = WithHead(kConfigRequest, "");
  AppendBigEndian(out, v4 ? kConfigV4 : kConfigV6, 2);
  AppendBigEndian(out, 0, 2);
  return out;
}

std::optional<IpAddress> ReadConfigAddress(std::string_view body, bool v4) {
  if (body.size() < 4 || BigEndian(body, 0, 1) != kConfigReply) return {};
  body.remove_prefix(4);
  while (body.size() >= 4) {
    const uint64_t type = BigEndian(body, 0, 2) & 0x7fff, size = BigEndian(body, 2, 2);
    if (size > body.size() - 4) return {};
    // An IPv6 address has the length of its prefix behind it.
    const size_t wanted = v4 ? 4 : 16;
    if (type == (v4 ? kConfigV4 : kConfigV6) && size >= wanted)
      return IpAddress{std::string(body.substr(4, wanted))};
    body.remove_prefix(4 + size);
  }
  return {};
}

}  // namespace lethe::prober::ike
