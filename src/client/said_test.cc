#include "client/said.h"

#include <gtest/gtest.h>

namespace lethe::client {
namespace {

TEST(Judge, TakesTheFirstWordThatDecides) {
  EXPECT_EQ(Judge(Protocol::kOpenVpn, "TLS: Initial packet from 198.51.100.50"),
            Outcome::kConnecting);
  EXPECT_EQ(Judge(Protocol::kOpenVpn, "x\nInitialization Sequence Completed\nAUTH_FAILED"),
            Outcome::kUp);
  EXPECT_EQ(Judge(Protocol::kOpenVpn, "x\nAUTH_FAILED\nInitialization Sequence Completed"),
            Outcome::kRefused);
}

TEST(Judge, TellsReasonsApart) {
  const struct {
    Protocol protocol;
    const char* log;
    Outcome outcome;
  } kSaid[] = {
      {Protocol::kOpenVpn, "VERIFY ERROR: depth=0, error=certificate has expired",
       Outcome::kUntrusted},
      {Protocol::kOpenVpn, "TLS Error: TLS key negotiation failed to occur within 60 seconds",
       Outcome::kNoAnswer},
      {Protocol::kIkev2, "[IKE] received AUTHENTICATION_FAILED notify error", Outcome::kRefused},
      {Protocol::kIkev2, "[IKE] EAP_MSCHAPV2 method failed", Outcome::kRefused},
      {Protocol::kIkev2, "[IKE] received NO_PROPOSAL_CHOSEN notify error", Outcome::kNoProposal},
      {Protocol::kIkev2, "[IKE] giving up after 3 retransmits", Outcome::kNoAnswer},
      {Protocol::kL2tp, "CHAP authentication failed: Access denied", Outcome::kRefused},
      {Protocol::kL2tp, "local  IP address 10.8.48.2", Outcome::kUp},
  };
  for (const auto& [protocol, log, outcome] : kSaid)
    EXPECT_EQ(Judge(protocol, log), outcome) << log;
}

TEST(Judge, HearsAProtocolsOwnWordsOnly) {
  EXPECT_EQ(Judge(Protocol::kIkev2, "Initialization Sequence Completed"), Outcome::kConnecting);
  EXPECT_EQ(Judge(Protocol::kWireGuard, "AUTH_FAILED"), Outcome::kConnecting);
}

TEST(NameServersIn, ReadsEachOnce) {
  const std::vector<std::string> both = {"10.8.0.1", "fd28:8712:ccb8:1::1"};
  EXPECT_EQ(NameServersIn(Protocol::kOpenVpn,
                          "PUSH_REPLY,dhcp-option DNS 10.8.0.1,dhcp-option DNS "
                          "fd28:8712:ccb8:1::1,peer-id 0'\nPUSH_REPLY,dhcp-option DNS 10.8.0.1,x"),
            both);
  EXPECT_EQ(NameServersIn(Protocol::kIkev2, "[IKE] installing DNS server 10.8.32.1 to /run/x\n"),
            std::vector<std::string>{"10.8.32.1"});
  EXPECT_EQ(NameServersIn(Protocol::kL2tp, "primary   DNS address 10.8.48.1\n"),
            std::vector<std::string>{"10.8.48.1"});
  EXPECT_EQ(NameServersIn(Protocol::kOpenVpn, "dhcp-option DNS"), std::vector<std::string>{""});
}

}  // namespace
}  // namespace lethe::client
