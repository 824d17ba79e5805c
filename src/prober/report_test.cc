#include "prober/report.h"

#include <gtest/gtest.h>

#include "json/json.h"

namespace lethe::prober {
namespace {

class ReportTest : public ::testing::Test {
 protected:
  ReportTest() {
    first_.name = "one";
    first_.protocol = "wireguard";
    first_.address_text = "192.0.2.1";
    first_.port = 51820;
    second_ = first_;
    second_.name = "two";
    probed_ = {{&first_, {Reason::kReady, "", Time(12'345), Time(67)}},
               {&second_, {Reason::kNoRoundTrip, "nothing came", Time(1'000'000), {}}}};
  }

  Target first_, second_;
  std::vector<Probed> probed_;
};

TEST_F(ReportTest, Text) {
  EXPECT_EQ(AsText(probed_),
            "one wireguard: ready, handshake 12.345 ms, round trip 0.067 ms\n"
            "two wireguard: not ready, no-round-trip (nothing came), handshake 1000.000 ms\n");
  EXPECT_FALSE(AllReady(probed_));
  probed_.pop_back();
  EXPECT_TRUE(AllReady(probed_));
}

TEST_F(ReportTest, Json) {
  const auto value = json::Parse(AsJson(probed_)).value();
  EXPECT_EQ(*value.Find("ready")->AsBool(), false);
  const auto& targets = *value.Find("targets")->AsArray();
  ASSERT_EQ(targets.size(), 2U);
  EXPECT_EQ(*targets[0].Find("reason")->AsString(), "ready");
  EXPECT_EQ(*targets[0].Find("handshake_ms")->AsDouble(), 12.345);
  EXPECT_EQ(*targets[1].Find("ready")->AsBool(), false);
  EXPECT_TRUE(targets[1].Find("round_trip_ms")->IsNull());
}

TEST_F(ReportTest, Prometheus) {
  const std::string text = AsPrometheus(probed_);
  for (const char* line :
       {"# TYPE lethe_probe_ready gauge",
        "lethe_probe_ready{target=\"one\",protocol=\"wireguard\"} 1",
        "lethe_probe_ready{target=\"two\",protocol=\"wireguard\"} 0",
        "lethe_probe_reason{target=\"two\",protocol=\"wireguard\",reason=\"no-round-trip\"} 1",
        "lethe_probe_reason{target=\"two\",protocol=\"wireguard\",reason=\"ready\"} 0",
        "lethe_probe_handshake_seconds{target=\"one\",protocol=\"wireguard\"} 0.012345",
        "lethe_probe_handshake_seconds{target=\"two\",protocol=\"wireguard\"} 1.000000",
        "lethe_probe_round_trip_seconds{target=\"one\",protocol=\"wireguard\"} 0.000067"})
    EXPECT_NE(text.find(std::string(line) + "\n"), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(text.find("lethe_probe_round_trip_seconds{target=\"two\""), std::string::npos);
}

TEST(Reason, EachHasANameOfItsOwn) {
  std::vector<std::string_view> seen;
  for (const Reason reason : kReasons) {
    const auto name = ToString(reason);
    EXPECT_NE(name, "unknown");
    for (const auto other : seen) EXPECT_NE(other, name);
    seen.push_back(name);
  }
}

}  // namespace
}  // namespace lethe::prober
