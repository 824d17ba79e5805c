#include "prober/inner.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "probe/bytes.h"

namespace lethe::prober {
namespace {

World Counting() {
  return {.random = [next = 1](size_t bytes) mutable {
    std::string out;
    while (out.size() < bytes) out += static_cast<char>(next++);
    return out;
  }};
}

IpAddress Ip(const std::string& text) { return *IpAddress::Parse(text); }

InnerRequest Make(RoundTrip::Kind kind, const std::string& to, const std::string& from) {
  return {RoundTrip{kind, Ip(to)}, Ip(from), Counting()};
}

// The request sent back with addresses (and ports) turned round.
std::string TurnRound(const InnerRequest& request, bool v4, bool dns) {
  std::string out = request.packet();
  const size_t at = v4 ? 12 : 8, size = v4 ? 4 : 16, header = v4 ? 20 : 40;
  const std::string from = out.substr(at, size), to = out.substr(at + size, size);
  out.replace(at, 2 * size, to + from);
  if (dns) {
    const std::string ports = out.substr(header, 4);
    out.replace(header, 4, ports.substr(2) + ports.substr(0, 2));
    out[header + 10] = static_cast<char>(0x81);
  } else {
    out[header] = static_cast<char>(v4 ? 0 : 129);
  }
  return out;
}

TEST(IpAddress, ReadsBothFamiliesAndNothingElse) {
  EXPECT_EQ(HexEncode(Ip("192.0.2.1").bytes), "c0000201");
  EXPECT_EQ(HexEncode(Ip("2001:db8::1").bytes), "20010db8000000000000000000000001");
  for (const char* text : {"", "192.0.2", "host", "192.0.2.1/24", "fe80::1%eth0", " 1.2.3.4"})
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
}

// Checksums as another implementation computes them.
TEST(InnerRequest, IsAPacketOfItsFamily) {
  EXPECT_EQ(HexEncode(Make(RoundTrip::Kind::kPing, "10.0.0.1", "10.0.0.2").packet()),
            "4500002c00004000400126cf0a0000020a00000108009391"
            "01020304"
            "05060708090a0b0c0d0e0f1011121314");
  const std::string dns = Make(RoundTrip::Kind::kDns, "10.0.0.1", "10.0.0.2").packet();
  EXPECT_EQ(dns.size(), 20U + 8 + 17);
  const std::string dns6 = Make(RoundTrip::Kind::kDns, "fd00::1", "fd00::2").packet();
  EXPECT_EQ(HexEncode(dns6.substr(0, 8)), "6000000000191140");
}

TEST(InnerRequest, TakesItsAnswerAlone) {
  for (const bool v4 : {true, false}) {
    for (const auto kind : {RoundTrip::Kind::kPing, RoundTrip::Kind::kDns}) {
      const bool dns = kind == RoundTrip::Kind::kDns;
      const InnerRequest request =
          v4 ? Make(kind, "10.0.0.1", "10.0.0.2") : Make(kind, "fd00::1", "fd00::2");
      const std::string answer = TurnRound(request, v4, dns);
      EXPECT_TRUE(request.IsAnswer(answer));
      EXPECT_TRUE(request.IsAnswer(answer + std::string(9, '\0'))) << "padding";
      EXPECT_FALSE(request.IsAnswer(request.packet())) << "an echo of the packet itself";
      for (size_t size = 0; size < answer.size(); ++size)
        EXPECT_FALSE(request.IsAnswer(answer.substr(0, size))) << size;
      const size_t header = v4 ? 20 : 40, addresses = v4 ? 12 : 8;
      std::string other = answer;
      for (const size_t at : {size_t{0}, v4 ? size_t{9} : size_t{6}, addresses, header - 1, header,
                              header + (dns ? 8 : 4)}) {
        other = answer;
        other[at] = static_cast<char>(other[at] ^ 0x11);
        EXPECT_FALSE(request.IsAnswer(other)) << at;
      }
    }
  }
}

TEST(InnerRequest, ARefusalOfTheResolverIsNoAnswer) {
  const InnerRequest request = Make(RoundTrip::Kind::kDns, "10.0.0.1", "10.0.0.2");
  std::string answer = TurnRound(request, true, true);
  for (int rcode = 0; rcode < 16; ++rcode) {
    answer[31] = static_cast<char>(0x80 | rcode);
    EXPECT_EQ(request.IsAnswer(answer), rcode != 1 && rcode != 4 && rcode != 5) << rcode;
  }
}

TEST(IpPacketSize, IsThatOfTheHeaderWhereItFits) {
  const std::string packet = Make(RoundTrip::Kind::kPing, "10.0.0.1", "10.0.0.2").packet();
  EXPECT_EQ(IpPacketSize(packet + "padding"), packet.size());
  EXPECT_EQ(IpPacketSize(packet.substr(0, packet.size() - 1)), std::nullopt);
  EXPECT_EQ(IpPacketSize(""), std::nullopt);
  EXPECT_EQ(IpPacketSize(std::string(60, '\0')), std::nullopt);
  std::string tiny = packet;
  tiny[3] = 19;
  EXPECT_EQ(IpPacketSize(tiny), std::nullopt);
}

}  // namespace
}  // namespace lethe::prober
