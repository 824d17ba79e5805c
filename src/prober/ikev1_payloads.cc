#include "prober/ikev1_payloads.h"

#include <algorithm>
#include <utility>

#include "probe/bytes.h"

namespace lethe::prober::ike {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr size_t kDomainBytes = 8;  // domain of interpretation, situation
constexpr size_t kProposalHead = 8, kTransformHead = 8;
constexpr uint64_t kIpsecDomain = 1, kIdentityOnly = 1;
constexpr uint8_t kIsakmp = 1, kEsp = 3, kKeyIke = 1, kEspAes = 12;
constexpr uint64_t kShort = 0x8000;  // an attribute of two bytes
constexpr uint64_t kUdpTransport = 4, kSeconds = 1, kPreshared = 1, kAesOfIke = 7;
constexpr uint64_t kIkeLifetime = 28800, kEspLifetime = 3600;

using Attribute = std::pair<uint64_t, uint64_t>;

// RFC 2409 appendix A; RFC 2407 4.5. The lifetimes come last and are the server's to change.
std::vector<Attribute> AttributesOf(const Suite& suite, bool esp) {
  if (!esp) {
    const uint64_t hash = suite.prf == kPrfSha1     ? 2
                          : suite.prf == kPrfSha256 ? 4
                          : suite.prf == kPrfSha384 ? 5
                                                    : 6;
    return {{1, kAesOfIke},   {14, suite.key_bits}, {2, hash},         {3, kPreshared},
            {4, suite.group}, {11, kSeconds},       {12, kIkeLifetime}};
  }
  const uint64_t check = suite.integrity == kHmacSha1     ? 2
                         : suite.integrity == kHmacSha256 ? 5
                         : suite.integrity == kHmacSha384 ? 6
                                                          : 7;
  return {{4, kUdpTransport}, {6, suite.key_bits}, {5, check}, {1, kSeconds}, {2, kEspLifetime}};
}

bool IsLifetime(const Attribute& attribute, bool esp) {
  return attribute.first == (esp ? 1U : 11U) || attribute.first == (esp ? 2U : 12U);
}

// Those that are no lifetimes, in order; nothing where one is cut.
std::optional<std::vector<Attribute>> ReadAttributes(std::string_view bytes, bool esp) {
  std::vector<Attribute> out;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return {};
    const uint64_t type = BigEndian(bytes, 0, 2), value = BigEndian(bytes, 2, 2);
    const bool is_short = (type & kShort) != 0;
    const size_t size = is_short ? 4 : 4 + value;
    if (size > bytes.size()) return {};
    const Attribute attribute{type & ~kShort, is_short ? value : 0};
    if (!IsLifetime(attribute, esp)) out.push_back(attribute);
    bytes.remove_prefix(size);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string FormatSa1(std::string_view spi, const std::vector<Suite>& suites) {
  const bool esp = !spi.empty();
  std::string transforms;
  for (size_t i = 0; i < suites.size(); ++i) {
    std::string attributes;
    for (const auto& [type, value] : AttributesOf(suites[i], esp)) {
      AppendBigEndian(attributes, kShort | type, 2);
      AppendBigEndian(attributes, value, 2);
    }
    AppendBigEndian(transforms, i + 1 < suites.size() ? 3 : 0, 1);
    AppendBigEndian(transforms, 0, 1);
    AppendBigEndian(transforms, kTransformHead + attributes.size(), 2);
    AppendBigEndian(transforms, i + 1, 1);
    AppendBigEndian(transforms, esp ? kEspAes : kKeyIke, 1);
    AppendBigEndian(transforms, 0, 2);
    transforms += attributes;
  }
  std::string out;
  AppendBigEndian(out, kIpsecDomain, 4);
  AppendBigEndian(out, kIdentityOnly, 4);
  AppendBigEndian(out, 0, 2);  // the last proposal
  AppendBigEndian(out, kProposalHead + spi.size() + transforms.size(), 2);
  AppendBigEndian(out, 1, 1);
  AppendBigEndian(out, esp ? kEsp : kIsakmp, 1);
  AppendBigEndian(out, spi.size(), 1);
  AppendBigEndian(out, suites.size(), 1);
  return out.append(spi) + transforms;
}

std::optional<ChosenSa1> ReadSa1(std::string_view body, size_t spi_bytes,
                                 const std::vector<Suite>& offered) {
  const bool esp = spi_bytes > 0;
  const size_t head = kProposalHead + spi_bytes;
  if (body.size() < kDomainBytes + head + kTransformHead) return {};
  body.remove_prefix(kDomainBytes);
  if (BigEndian(body, 2, 2) != body.size() || BigEndian(body, 5, 1) != (esp ? kEsp : kIsakmp))
    return {};
  if (BigEndian(body, 6, 1) != spi_bytes || BigEndian(body, 7, 1) != 1) return {};
  const std::string_view transform = body.substr(head);
  const uint64_t number = BigEndian(transform, 4, 1);
  if (BigEndian(transform, 2, 2) != transform.size() || number == 0 || number > offered.size())
    return {};
  if (BigEndian(transform, 5, 1) != (esp ? kEspAes : kKeyIke)) return {};
  const Suite& suite = offered[number - 1];
  auto expected = AttributesOf(suite, esp);
  std::erase_if(expected, [esp](const Attribute& one) { return IsLifetime(one, esp); });
  std::sort(expected.begin(), expected.end());
  if (ReadAttributes(transform.substr(kTransformHead), esp) != expected) return {};
  return ChosenSa1{suite, std::string(body.substr(kProposalHead, spi_bytes))};
}

std::string FormatId1(const IpAddress& address, uint8_t protocol, uint16_t port) {
  std::string out;
  AppendBigEndian(out, address.v4() ? 1 : 5, 1);
  AppendBigEndian(out, protocol, 1);
  AppendBigEndian(out, port, 2);
  return out + address.bytes;
}

std::string FormatNatOa(const IpAddress& address) {
  std::string out;
  AppendBigEndian(out, address.v4() ? 1 : 5, 1);
  AppendBigEndian(out, 0, 3);
  return out + address.bytes;
}

std::string FormatDelete1(std::string_view spi) {
  std::string out;
  AppendBigEndian(out, kIpsecDomain, 4);
  AppendBigEndian(out, spi.size() == 4 ? kEsp : kIsakmp, 1);
  AppendBigEndian(out, spi.size(), 1);
  AppendBigEndian(out, 1, 2);
  return out.append(spi);
}

uint16_t NotifyType1(std::string_view body) {
  return body.size() < 8 ? uint16_t{0} : static_cast<uint16_t>(BigEndian(body, 6, 2));
}

}  // namespace lethe::prober::ike
