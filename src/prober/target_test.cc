#include "prober/target.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::prober {
namespace {

const std::string kKey = Base64Encode(std::string(32, '\x07'));

std::string WireGuardFile() {
  return "protocol = \"wireguard\"\n"  // 1
         "address = \"192.0.2.1\"\n"   // 2
         "port = 4500\n"               // 3
         "timeout_ms = 2000\n"         // 4
         "[round_trip]\n"              // 5
         "kind = \"ping\"\n"           // 6
         "address = \"10.0.0.1\"\n"    // 7
         "[wireguard]\n"               // 8
         "private_key = \"" +
         kKey +
         "\"\n"  // 9
         "server_public_key = \"" +
         kKey +
         "\"\n"                       // 10
         "address = \"10.0.0.2\"\n";  // 11
}

std::string With(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(ParseTarget, ReadsAWireGuardTarget) {
  const auto target = ParseTarget("edge-1", WireGuardFile(), "edge-1.toml");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->name, "edge-1");
  EXPECT_EQ(target->protocol, "wireguard");
  EXPECT_EQ(target->port, 4500);
  EXPECT_EQ(target->timeout, std::chrono::seconds(2));
  EXPECT_EQ(target->round_trip.kind, RoundTrip::Kind::kPing);
  const auto& credentials = std::get<WireGuardCredentials>(target->credentials);
  EXPECT_EQ(credentials.private_key[0], 7);
  EXPECT_EQ(credentials.preshared_key[0], 0);
  const auto plain =
      ParseTarget("a", With(WireGuardFile(), "port = 4500\ntimeout_ms = 2000\n", ""), "a.toml");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->port, 51820);
  EXPECT_EQ(plain->timeout, std::chrono::seconds(10));
}

struct BadFile {
  std::string from, to, says;
};

void ExpectRefused(const std::string& good, const std::vector<BadFile>& bad) {
  for (const auto& [from, to, says] : bad) {
    const auto target = ParseTarget("t", With(good, from, to), "t.toml");
    ASSERT_FALSE(target) << from << " -> " << to;
    EXPECT_EQ(target.error().code, ErrorCode::kMalformed);
    EXPECT_TRUE(target.error().message.starts_with("t.toml:" + says)) << target.error().message;
    EXPECT_EQ(target.error().message.find(kKey.substr(0, 20)), std::string::npos) << "a secret";
  }
}

TEST(ParseTarget, NamesFileLineAndKeyOfEveryFault) {
  ExpectRefused(
      WireGuardFile(),
      {{"\"wireguard\"", "\"wireguard", "1:"},
       {"\"wireguard\"", "\"telnet\"", "1: key 'protocol': 'telnet': allowed: wireguard"},
       {"192.0.2.1", "example.org", "2: key 'address': must be an IPv4 or IPv6 address"},
       {"4500", "0", "3: key 'port'"},
       {"2000", "10", "4: key 'timeout_ms'"},
       {"timeout_ms", "time_out", "4: unknown key 'time_out'"},
       {"\"ping\"", "\"pong\"", "6: key 'kind': allowed: dns, ping"},
       {"10.0.0.1", "fd00::1", "8: key 'address': is not of the family"},
       {"[wireguard]", "[openvpn]", "1: key 'wireguard'"},
       {"private_key = \"", "private_key = \"A", "9: key 'private_key': must be 32 bytes"},
       {"server_public_key = \"" + kKey,
        "server_public_key = \"" + Base64Encode(std::string(32, '\0')),
        "10: key 'server_public_key': is of low order"},
       {"server_public_key = \"", "preshared_key = \"", "8: key 'server_public_key'"},
       {"10.0.0.2\"\n", "10.0.0.2\"\nmtu = 1\n", "12: unknown key 'mtu'"}});
}

std::string Pem(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/prober/" + name).value();
}

std::string OpenVpnFile() {
  return "protocol = \"openvpn-tcp\"\n"                            // 1
         "address = \"2001:db8::1\"\n"                             // 2
         "[round_trip]\nkind = \"dns\"\naddress = \"10.8.0.1\"\n"  // 3
         "[openvpn]\n"                                             // 6
         "server_name = \"vpn.example\"\n"                         // 7
         "user = \"u\"\n"                                          // 8
         "password = \"hunter2\"\n"                                // 9
         "ca = \"\"\"" +
         Pem("ca.crt") +
         "\"\"\"\n"  // 10
         "certificate = \"\"\"" +
         Pem("client.crt") +
         "\"\"\"\n"
         "private_key = \"\"\"" +
         Pem("client.key") + "\"\"\"\n";
}

TEST(ParseTarget, ReadsAnOpenVpnTarget) {
  const auto target = ParseTarget("a", OpenVpnFile(), "a.toml");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->port, 443);
  const auto& credentials = std::get<OpenVpnCredentials>(target->credentials);
  EXPECT_TRUE(credentials.tcp);
  EXPECT_TRUE(credentials.identity.has_value());
  EXPECT_EQ(credentials.server_name, "vpn.example");
  EXPECT_EQ(credentials.password, "hunter2");
}

TEST(ParseTarget, NamesEveryFaultOfAnOpenVpnTargetAndNoSecret) {
  ExpectRefused(OpenVpnFile(),
                {{"user = \"u\"\n", "", "6: user and password belong together"},
                 {"\"hunter2\"", "\"\"", "9: key 'password': must have 1 to 255 bytes"},
                 {"\"hunter2\"", "\"a\\u0000b\"", "9: key 'password'"},
                 {Pem("ca.crt"), "nothing", "10: key 'ca': not a certificate in PEM"},
                 {"private_key", "key", "6: certificate and private_key belong together"},
                 {Pem("client.key"), Pem("server.key"),
                  "22: key 'certificate': the private key is "
                  "not the certificate's"},
                 {"[openvpn]", "[wireguard]", "1: key 'openvpn'"}});
}

std::string Ikev2File() {
  return "protocol = \"ikev2\"\naddress = \"192.0.2.1\"\n"         // 1
         "[round_trip]\nkind = \"dns\"\naddress = \"10.8.0.1\"\n"  // 3
         "[ikev2]\n"                                               // 6
         "server_id = \"vpn.example\"\n"                           // 7
         "user = \"u\"\n"                                          // 8
         "password = \"hunter2\"\n"                                // 9
         "ike = [\"aes256gcm16-prfsha384-ecp384\"]\n"              // 10
         "nat_port = 4501\n"                                       // 11
         "ca = \"\"\"" +
         Pem("ca.crt") + "\"\"\"\n";  // 12
}

TEST(ParseTarget, ReadsAnIkev2Target) {
  const auto target = ParseTarget("a", Ikev2File(), "a.toml");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->port, 500);
  const auto& credentials = std::get<Ikev2Credentials>(target->credentials);
  EXPECT_EQ(credentials.ike.size(), 1U);
  EXPECT_EQ(credentials.esp.size(), 5U) << "all, where none is named";
  EXPECT_EQ(credentials.nat_port, 4501);
}

TEST(ParseTarget, NamesEveryFaultOfAnIkev2Target) {
  ExpectRefused(Ikev2File(),
                {{"server_id = \"vpn.example\"\n", "", "6: key 'server_id'"},
                 {"\"vpn.example\"", "\"\"", "7: key 'server_id'"},
                 {"user = \"u\"\npassword = \"hunter2\"\n", "", "6: either a certificate or"},
                 {"aes256gcm16-prfsha384", "des", "10: key 'ike': 'des-ecp384': not known"},
                 {"4501", "0", "11: key 'nat_port'"}});
}

std::string L2tpFile() {
  return "protocol = \"l2tp\"\naddress = \"192.0.2.1\"\n"          // 1
         "[round_trip]\nkind = \"dns\"\naddress = \"10.8.0.1\"\n"  // 3
         "[l2tp]\n"                                                // 6
         "psk = \"key\"\n"                                         // 7
         "user = \"u\"\n"                                          // 8
         "password = \"hunter2\"\n"                                // 9
         "ike = [\"aes128-sha1-modp2048\"]\n"                      // 10
         "esp = [\"aes128-sha1\"]\n";                              // 11
}

TEST(ParseTarget, ReadsAnL2tpTargetAndNamesItsFaults) {
  const auto target = ParseTarget("a", L2tpFile(), "a.toml");
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(std::get<L2tpCredentials>(target->credentials).psk, "key");
  ExpectRefused(L2tpFile(), {{"psk = \"key\"\n", "", "6: key 'psk': is missing"},
                             {"\"aes128-sha1-modp2048\"", "\"aes256gcm16-prfsha256-ecp256\"",
                              "10: key 'ike': 'aes256gcm16-prfsha256-ecp256': not known"},
                             {"[\"aes128-sha1\"]", "[\"aes256gcm16\"]", "11: key 'esp'"},
                             {"10.8.0.1", "fd00::1", "6: l2tp is for IPv4"},
                             {"192.0.2.1", "fd00::1", "6: l2tp is for IPv4"}});
}

TEST(ParseTarget, RefusesOddNamesAndLargeFiles) {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string(65, 'a')})
    EXPECT_FALSE(ParseTarget(name, WireGuardFile(), "f")) << name;
  const std::string large = WireGuardFile() + "#" + std::string(kMaxTargetFileBytes, 'x');
  EXPECT_FALSE(ParseTarget("a", large, "f"));
}

}  // namespace
}  // namespace lethe::prober
