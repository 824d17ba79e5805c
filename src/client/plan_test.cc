#include "client/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lethe::client {
namespace {

const ConnectRequest kOpenVpn{.protocol = Protocol::kOpenVpn,
                              .server = "198.51.100.50",
                              .timeout = std::chrono::seconds(60),
                              .port = 443,
                              .tcp = true,
                              .config = "client\n"};
const ConnectRequest kL2tp{.protocol = Protocol::kL2tp,
                           .server = "198.51.100.50",
                           .timeout = std::chrono::seconds(60),
                           .user = "alice",
                           .password = "secret",
                           .ike = "aes256-sha256-modp2048",
                           .preshared_key = "shared"};

std::string FileOf(const Plan& plan, const std::string& name) {
  for (const PlannedFile& file : plan.files)
    if (file.path == std::string(kFolder) + "/" + name) return file.content;
  return "";
}

TEST(PlanOf, KeepsEveryFileInOneFolder) {
  for (const ConnectRequest& request : {kOpenVpn, kL2tp}) {
    for (const PlannedFile& file : PlanOf(request).files)
      EXPECT_EQ(file.path.find(std::string(kFolder) + "/"), 0U) << file.path;
  }
}

TEST(PlanOf, OffersWhatItIsToldOrWhatItsProtocolDoes) {
  EXPECT_NE(FileOf(PlanOf(kL2tp), "swanctl.conf").find("proposals = aes256-sha256-modp2048"),
            std::string::npos);
  ConnectRequest any = kL2tp;
  any.ike.clear();
  EXPECT_NE(FileOf(PlanOf(any), "swanctl.conf").find("aes128-sha1-ecp256, aes128"),
            std::string::npos);
  any.protocol = Protocol::kIkev2;
  EXPECT_EQ(FileOf(PlanOf(any), "swanctl.conf").find("proposals"), std::string::npos);
}

TEST(PlanOf, GivesNoPasswordToAnyCommandLine) {
  const Plan plan = PlanOf(kL2tp);
  for (const auto* argv : {&plan.daemon, &plan.load, &plan.initiate, &plan.second_daemon}) {
    EXPECT_FALSE(argv->empty());
    for (const std::string& word : *argv) {
      EXPECT_EQ(word.find("secret"), word.find("secrets")) << word;
      EXPECT_EQ(word.find("shared"), std::string::npos) << word;
    }
  }
}

TEST(GuardRules, LetOutNothingWithoutAConnection) {
  const std::string rules = GuardRules(nullptr);
  EXPECT_EQ(rules.find("dport"), std::string::npos);
  EXPECT_NE(rules.find("counter name held drop"), std::string::npos);
}

TEST(GuardRules, LetOutTheConnectionAlone) {
  EXPECT_NE(GuardRules(&kOpenVpn).find("ip daddr 198.51.100.50 tcp dport 443 accept"),
            std::string::npos);
  const std::string ipsec = GuardRules(&kL2tp);
  EXPECT_NE(ipsec.find("ip daddr 198.51.100.50 udp dport { 500, 4500 } accept"), std::string::npos);
  EXPECT_EQ(ipsec.find("1701"), std::string::npos) << "L2TP leaves in ESP only";
  ConnectRequest six = kOpenVpn;
  six.server = "2001:db8::1";
  EXPECT_NE(GuardRules(&six).find("ip6 daddr 2001:db8::1 tcp"), std::string::npos);
}

TEST(OpenRules, HoldBackL2tpInTheClearAndAnswersToWhatIsOver) {
  const std::string rules = OpenRules();
  EXPECT_NE(rules.find("udp dport 1701 rt ipsec missing drop"), std::string::npos);
  EXPECT_NE(rules.find("oifname \"eth0\" tcp flags rst drop"), std::string::npos);
}

TEST(RoutesInto, LeadAroundTheTunnelByTheGatewayOfTheServersFamily) {
  const std::string routes = RoutesInto("wg0", "198.51.100.50", {"2001:db8:2::1", "192.0.2.1"});
  EXPECT_EQ(routes.find("route replace 198.51.100.50 via 192.0.2.1 dev eth0\n"), 0U);
  EXPECT_NE(routes.find("route replace 128.0.0.0/1 dev wg0\n"), std::string::npos);
  EXPECT_EQ(RoutesInto("", "198.51.100.50", {"2001:db8:2::1"}), "");
}

}  // namespace
}  // namespace lethe::client
