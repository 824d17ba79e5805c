#include "client/request.h"

#include <gtest/gtest.h>

namespace lethe::client {
namespace {

template <typename T>
T Parsed(std::string_view line) {
  const auto request = ParseRequest(line);
  EXPECT_TRUE(request) << line << ": " << (request ? "" : request.error().detail);
  const T* command = request ? std::get_if<T>(&request->command) : nullptr;
  EXPECT_NE(command, nullptr) << line;
  return command == nullptr ? T{} : *command;
}

TEST(ParseRequest, TakesEveryCommand) {
  const auto uplink = Parsed<UplinkRequest>(
      R"({"id":1,"command":"uplink","addresses":["192.0.2.1/24","2001:db8::1/64"],)"
      R"("gateways":["192.0.2.254"],"mtu":1280,"guard":true})");
  EXPECT_EQ(uplink.addresses.size(), 2U);
  EXPECT_EQ(uplink.mtu, 1280U);
  EXPECT_TRUE(uplink.guard);
  Parsed<DisconnectRequest>(R"({"id":1,"command":"disconnect"})");
  Parsed<StatusRequest>(R"({"id":0,"command":"status"})");
  Parsed<CapturesRequest>(R"({"id":1,"command":"captures"})");
  const auto resolve = Parsed<ResolveRequest>(
      R"({"id":1,"command":"resolve","name":"lab.example","family":"ipv6","transport":"tcp"})");
  EXPECT_TRUE(resolve.ipv6 && resolve.tcp);
  EXPECT_EQ(
      Parsed<PingRequest>(R"({"id":1,"command":"ping","address":"::1","count":3,"size":56})").size,
      56U);
  EXPECT_EQ(
      Parsed<FetchRequest>(R"({"id":1,"command":"fetch","address":"::1","port":80,"timeout_s":9})")
          .port,
      80U);
}

TEST(ParseRequest, TakesEveryConnection) {
  const auto openvpn = Parsed<ConnectRequest>(
      R"({"id":1,"command":"connect","protocol":"openvpn","server":"192.0.2.9","timeout_s":60,)"
      R"("port":443,"transport":"tcp","config":"client\n"})");
  EXPECT_TRUE(openvpn.tcp);
  EXPECT_EQ(openvpn.protocol, Protocol::kOpenVpn);
  const auto wireguard = Parsed<ConnectRequest>(
      R"({"id":1,"command":"connect","protocol":"wireguard","server":"192.0.2.9","timeout_s":60,)"
      R"("port":51820,"config":"[Interface]\n","addresses":["10.0.0.2/32"],"name_servers":[]})");
  EXPECT_EQ(wireguard.addresses.size(), 1U);
  const auto by_password = Parsed<ConnectRequest>(
      R"({"id":1,"command":"connect","protocol":"ikev2","server":"::1","timeout_s":60,)"
      R"("server_name":"vpn.lethe.test","authority":"-----\n","user":"u","password":"p",)"
      R"("ike":"aes256-sha256-ecp256","esp":"aes256gcm16"})");
  EXPECT_EQ(by_password.esp, "aes256gcm16");
  const auto by_certificate = Parsed<ConnectRequest>(
      R"({"id":1,"command":"connect","protocol":"ikev2","server":"::1","timeout_s":60,)"
      R"("server_name":"vpn.lethe.test","authority":"-\n","certificate":"-\n","key":"-\n"})");
  EXPECT_EQ(by_certificate.user, "");
  EXPECT_EQ(Parsed<ConnectRequest>(
                R"({"id":1,"command":"connect","protocol":"l2tp","server":"192.0.2.9",)"
                R"("timeout_s":60,"preshared_key":"k","user":"u","password":"p"})")
                .preshared_key,
            "k");
}

TEST(ParseRequest, NamesTheReasonOfEveryRefusal) {
  const struct {
    std::string line;
    Refusal reason;
    const char* detail;
  } kBad[] = {
      {std::string(kMaxLine + 1, ' '), Refusal::kTooLong, "64 KiB"},
      {"", Refusal::kNoJson, ""},
      {"connect", Refusal::kNoJson, ""},
      {R"({"id":1,"command":"status"}x)", Refusal::kNoJson, ""},
      {R"({"id":1,"id":2,"command":"status"})", Refusal::kNoJson, ""},
      {R"({"id":1,"command":"status","x":[[[[]]]]})", Refusal::kNoJson, ""},
      {"[]", Refusal::kNoObject, ""},
      {R"({"command":"status"})", Refusal::kMissingKey, "'id'"},
      {R"({"id":"1","command":"status"})", Refusal::kBadValue, "'id'"},
      {R"({"id":-1,"command":"status"})", Refusal::kBadValue, "'id'"},
      {R"({"id":1})", Refusal::kMissingKey, "'command'"},
      {R"({"id":1,"command":7})", Refusal::kBadValue, "'command'"},
      {R"({"id":1,"command":"reboot"})", Refusal::kUnknownCommand, "reboot"},
      {R"({"id":1,"command":"status","verbose":true})", Refusal::kUnknownKey, "'verbose'"},
      {R"({"id":1,"command":"ping","address":"::1","count":3})", Refusal::kMissingKey, "'size'"},
      {R"({"id":1,"command":"ping","address":"::1","count":0,"size":1})", Refusal::kBadValue,
       "'count': must be an integer from 1 to 100"},
      {R"({"id":1,"command":"ping","address":"host","count":1,"size":1})", Refusal::kBadValue,
       "'address'"},
      {R"({"id":1,"command":"ping","address":"-f","count":1,"size":1})", Refusal::kBadValue,
       "'address'"},
      {R"({"id":1,"command":"uplink","addresses":["192.0.2.1"],"gateways":[],"mtu":1500,)"
       R"("guard":false})",
       Refusal::kBadValue, "'addresses'"},
      {R"({"id":1,"command":"uplink","addresses":["192.0.2.1/33"],"gateways":[],"mtu":1500,)"
       R"("guard":false})",
       Refusal::kBadValue, "'addresses'"},
      {R"({"id":1,"command":"uplink","addresses":[],"gateways":["1.2.3.4","1.2.3.5"],"mtu":1500,)"
       R"("guard":false})",
       Refusal::kBadValue, "'gateways'"},
      {R"({"id":1,"command":"uplink","addresses":[],"gateways":[],"mtu":1279,"guard":false})",
       Refusal::kBadValue, "'mtu'"},
      {R"({"id":1,"command":"uplink","addresses":[],"gateways":[],"mtu":1500,"guard":1})",
       Refusal::kBadValue, "'guard'"},
      {R"({"id":1,"command":"resolve","name":"a b","family":"ipv4","transport":"udp"})",
       Refusal::kBadValue, "'name'"},
      {R"({"id":1,"command":"resolve","name":"a","family":"ipv5","transport":"udp"})",
       Refusal::kBadValue, "'family': must be one of ipv4, ipv6"},
      {R"({"id":1,"command":"connect","protocol":"pptp","server":"::1","timeout_s":1})",
       Refusal::kBadValue, "'protocol'"},
      {R"({"id":1,"command":"connect","protocol":"l2tp","server":"192.0.2.9","timeout_s":60,)"
       R"("preshared_key":"a\"b","user":"u","password":"p"})",
       Refusal::kBadValue, "'preshared_key'"},
      {R"({"id":1,"command":"connect","protocol":"l2tp","server":"192.0.2.9","timeout_s":60,)"
       R"("preshared_key":"k","user":"u\nplugin /x","password":"p"})",
       Refusal::kBadValue, "'user'"},
      {R"({"id":1,"command":"connect","protocol":"l2tp","server":"192.0.2.9","timeout_s":60,)"
       R"("preshared_key":"k","user":"u","password":"p","ike":"aes256 }"})",
       Refusal::kBadValue, "'ike'"},
      {R"({"id":1,"command":"connect","protocol":"ikev2","server":"::1","timeout_s":60,)"
       R"("server_name":"v","authority":"-\n","certificate":"-\n","key":"-\n","user":"u"})",
       Refusal::kUnknownKey, "'user'"},
  };
  for (const auto& [line, reason, detail] : kBad) {
    const auto request = ParseRequest(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().reason, reason)
        << line << ": " << ToString(request.error().reason) << " " << request.error().detail;
    EXPECT_NE(request.error().detail.find(detail), std::string::npos) << request.error().detail;
  }
}

TEST(ParseRequest, TellsWhoseRequestItRefuses) {
  EXPECT_EQ(ParseRequest(R"({"id":41,"command":"reboot"})").error().id, 41);
  EXPECT_EQ(ParseRequest(R"({"id":42,"command":"ping"})").error().id, 42);
  EXPECT_EQ(ParseRequest("nonsense").error().id, std::nullopt);
}

}  // namespace
}  // namespace lethe::client
