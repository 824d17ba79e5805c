#include "supervise/service.h"

#include <gtest/gtest.h>

#include <csignal>

#include "supervise/service_set.h"

namespace lethe::supervise {
namespace {

constexpr const char* kLeast = "command = [\"/usr/sbin/x\"]\nuser = \"x\"\n";

Result<Service> Parse(const std::string& text) { return ParseService("x", text, "x.toml"); }

constexpr const char* kEveryKey = R"(
command = ["/usr/sbin/openvpn", "--config", "/etc/openvpn/udp.conf"]
user = "openvpn-server"
after = ["resolver"]
counter = true
peers = true
environment = { LANG = "C" }
[ready]
notify = true
probe = "openvpn-udp"
address = "::1"
port = 1194
timeout_ms = 500
interval_ms = 5000
[restart]
first_ms = 7
max_ms = 70
crash_limit = 3
crash_window_s = 9
[stop]
signal = "INT"
timeout_ms = 100
[limits]
memory_mib = 128
tasks = 8
cpu_percent = 50
open_files = 99
locked_mib = 4
[sandbox]
capabilities = ["net_admin"]
devices = ["/dev/net/tun"]
read = ["/run/keys"]
scratch = ["/tmp"]
scratch_mib = 2
sockets = ["inet", "netlink-route"]
network = "none"
proc = "all"
allow = ["mount"]
deny = ["uname"]
[drain]
close = [["/usr/sbin/nft", "a"]]
open = [["/usr/sbin/nft", "b"], ["/bin/true"]]
deadline_s = 30
signal = "USR1"
resume_signal = "USR2"
[reload]
signal = "HUP"
)";

TEST(ParseService, ReadsEveryKey) {
  const auto service = Parse(kEveryKey);
  ASSERT_TRUE(service) << service.error().message;
  EXPECT_EQ(service->name, "x");
  EXPECT_EQ(service->command.size(), 3U);
  EXPECT_EQ(service->user, "openvpn-server");
  EXPECT_EQ(service->after, std::vector<std::string>{"resolver"});
  EXPECT_TRUE(service->counter && service->peers && !service->task);
  EXPECT_EQ(service->environment.at("LANG"), "C");
  const Probe probe{ProbeKind::kOpenVpnUdp, "::1", 1194, Milliseconds(5000), ""};
  EXPECT_EQ(service->ready, (Ready{true, probe, Milliseconds(500)}));
  EXPECT_EQ(service->restart,
            (Restart{Milliseconds(7), Milliseconds(70), 3, std::chrono::seconds(9)}));
  EXPECT_EQ(service->stop, (Stop{SIGINT, Milliseconds(100)}));
  EXPECT_EQ(service->limits, (Limits{128U << 20, 8, true, 50, 99, 4U << 20}));
  EXPECT_EQ(service->sandbox.sockets,
            (std::vector<SocketKind>{SocketKind::kInet, SocketKind::kNetlinkRoute}));
  EXPECT_EQ(service->sandbox.scratch_bytes, 2U << 20);
  EXPECT_EQ(service->sandbox.network, Network::kNone);
  EXPECT_EQ(service->sandbox.proc, ProcView::kAll);
  EXPECT_EQ(service->drain.close.size(), 1U);
  EXPECT_EQ(service->drain.open.size(), 2U);
  EXPECT_EQ(service->drain.deadline, std::chrono::seconds(30));
  EXPECT_EQ(service->drain.signal, SIGUSR1);
  EXPECT_EQ(service->drain.resume_signal, SIGUSR2);
  EXPECT_EQ(service->reload_signal, SIGHUP);
}

TEST(ParseService, HasSafeDefaults) {
  const auto service = Parse(kLeast);
  ASSERT_TRUE(service) << service.error().message;
  EXPECT_EQ(service->limits.tasks, 64U);
  EXPECT_FALSE(service->limits.tasks_written);
  EXPECT_TRUE(service->sandbox.sockets.empty() && service->sandbox.capabilities.empty());
  EXPECT_EQ(service->sandbox.proc, ProcView::kOwn);
  EXPECT_EQ(service->stop.signal, SIGTERM);
}

TEST(ParseService, RefusesWithFileLineAndKey) {
  const std::pair<std::string, std::string> table[] = {
      {"user = \"x\"", "key 'command': is missing"},
      {"command = []\nuser = \"x\"", "key 'command': is missing"},
      {"command = [\"openvpn\"]\nuser = \"x\"",
       "x.toml:1: key 'command': 'openvpn': the program's"},
      {"command = [\"/a/../b\"]\nuser = \"x\"", "absolute path"},
      {"command = [\"/a\", \"b\\u0000c\"]\nuser = \"x\"", "NUL byte"},
      {"command = [\"/a\"]", "key 'user': is missing"},
      {"command = [\"/a\"]\nuser = \"a:b\"", "x.toml:2: key 'user'"},
      {std::string(kLeast) + "colour = 1", "x.toml:3: unknown key 'colour'"},
      {std::string(kLeast) + "after = [\"A\"]", "x.toml:3: key 'after'"},
      {std::string(kLeast) + "after = [\"a\", \"a\"]", "listed twice"},
      {std::string(kLeast) + "environment = { a = \"b\" }", "a variable is"},
      {std::string(kLeast) + "environment = { LETHE_X = \"b\" }", "is the manager's"},
      {std::string(kLeast) + "[ready]\nprobe = \"smtp\"\nport = 1", "x.toml:4: key 'probe'"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"", "key 'port' in [ready]: is missing"},
      {std::string(kLeast) + "[ready]\nport = 1", "belong to a probe"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"\nport = 0", "from 1 to 65535"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"\nport = 1\naddress = \"10.0.0.1\"",
       "key 'address': '10.0.0.1'"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"\nport = 1\naddress = \"127.0.0.1.evil\"",
       "key 'address'"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"\nport = 1\ninterval_ms = 10", "interval_ms"},
      {std::string(kLeast) + "[ready]\nprobe = \"wireguard\"\nport = 1", "key 'keys' in [ready]"},
      {std::string(kLeast) + "[ready]\nprobe = \"dns\"\nport = 1\nkeys = \"/k\"",
       "key 'keys' in [ready]"},
      {std::string(kLeast) + "[restart]\nfirst_ms = 50\nmax_ms = 40", "more than max_ms"},
      {std::string(kLeast) + "[stop]\nsignal = \"KILL\"", "allowed: TERM, INT, QUIT"},
      {std::string(kLeast) + "[limits]\ntasks = 0", "key 'tasks' in [limits]"},
      {std::string(kLeast) + "[sandbox]\ndevices = [\"/etc/x\"]", "below /dev"},
      {std::string(kLeast) + "[sandbox]\nread = [\"/run/../etc\"]", "key 'read'"},
      {std::string(kLeast) + "[sandbox]\nscratch = [\"tmp\"]", "key 'scratch'"},
      {std::string(kLeast) + "[sandbox]\nsockets = [\"inet\", \"inet\"]", "listed twice"},
      {std::string(kLeast) + "[sandbox]\nsockets = [\"netlink-audit\"]", "key 'sockets'"},
      {std::string(kLeast) + "[sandbox]\nallow = [\"a b\"]", "name of a system call"},
      {std::string(kLeast) + "[drain]\nclose = [[\"nft\"]]", "key 'close'"},
      {std::string(kLeast) + "[drain]\nclose = [[]]", "key 'close'"},
      {std::string(kLeast) + "task = true\n[ready]\nnotify = true", "a task is ready when"},
      {"\xff", "x.toml"},
  };
  for (const auto& [text, says] : table) {
    const auto service = Parse(text);
    ASSERT_FALSE(service) << text;
    EXPECT_EQ(service.error().code, ErrorCode::kMalformed) << text;
    EXPECT_NE(service.error().message.find(says), std::string::npos) << text << "\n"
                                                                     << service.error().message;
    EXPECT_EQ(service.error().message.rfind("x.toml", 0), 0U) << service.error().message;
  }
}

TEST(ParseService, RefusesNamesAndSizes) {
  const std::string too_long(33, 'a');
  for (const std::string& name :
       {std::string(), std::string("A"), std::string("1a"), std::string("a_b"), std::string("a.b"),
        std::string("../a"), too_long})
    EXPECT_FALSE(ParseService(name, kLeast, "f")) << name;
  EXPECT_TRUE(ParseService(std::string(32, 'a'), kLeast, "f"));
  EXPECT_FALSE(Parse(kLeast + std::string(kMaxServiceFileBytes, '#')));
}

Service Named(const std::string& name, std::vector<std::string> after) {
  Service service;
  service.name = name;
  service.after = std::move(after);
  return service;
}

TEST(InOrder, PutsEachAfterThoseItStartsAfter) {
  const auto order = InOrder({Named("a", {"c"}), Named("b", {}), Named("c", {"b"})});
  ASSERT_TRUE(order);
  std::string names;
  for (const auto& service : *order) names += service.name;
  EXPECT_EQ(names, "bca");
}

TEST(InOrder, RefusesCirclesAndUnknownNames) {
  const auto circle = InOrder({Named("a", {"b"}), Named("b", {"a"}), Named("c", {})});
  ASSERT_FALSE(circle);
  EXPECT_NE(circle.error().message.find("wait for each other: a, b"), std::string::npos);
  const auto self = InOrder({Named("a", {"a"})});
  EXPECT_FALSE(self);
  const auto unknown = InOrder({Named("a", {"z"})});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message.find("no service 'z'"), std::string::npos);
  EXPECT_FALSE(InOrder(std::vector<Service>(kMaxServices + 1, Named("a", {}))));
}

}  // namespace
}  // namespace lethe::supervise
