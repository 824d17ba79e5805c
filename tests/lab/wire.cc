#include "wire.h"

#include <fcntl.h>
#include <sched.h>

#include <thread>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "client/name_query.h"
#include "client/transfer.h"
#include "lab.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;

// Batches of ip(8) are many times faster than a process each.
Status Ip(const std::string& lines) {
  (void)LETHE_TRY(
      RunChecked({.argv = {"ip", "-batch", "-"}, .input = lines, .package = "iproute2"}));
  return {};
}

}  // namespace

Result<std::unique_ptr<Wire>> Wire::Make(const fs::path& scratch) {
  for (const char* file : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}) {
    const Fd fd = LETHE_TRY(OpenFile(fs::path("/proc/sys/net") / file, O_WRONLY));
    LETHE_TRY(WriteAll(fd.get(), "1", file));
  }
  LETHE_TRY(
      Ip("tuntap add uplink mode tap\n"
         "link set uplink up\n"
         "address add 198.51.100.1/24 dev uplink\n"
         "address add 10.55.0.1/24 dev uplink\n"
         "address add 2001:db8:1::1/64 dev uplink nodad\n"
         "address add fd55::1/64 dev uplink nodad\n"
         "link add clients type bridge\n"
         "link set clients up\n"
         "address add 192.0.2.1/24 dev clients\n"
         "address add 2001:db8:2::1/64 dev clients nodad\n"
         "address add 203.0.113.80/32 dev lo\n"
         "address add 169.254.169.254/32 dev lo\n"
         "address add 2001:db8:80::1/128 dev lo\n"));
  auto services = LETHE_TRY(ChildProcess::Start(
      {"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
       "--user=root", "--pid-file=", "--bind-dynamic", "--interface=uplink", "--interface=lo",
       "--dhcp-range=198.51.100.50,198.51.100.50,255.255.255.0,1h",
       "--dhcp-option=option:router,198.51.100.1", "--enable-ra",
       "--ra-param=uplink,mtu:off,600",  // a narrow path is found out, not told
       "--dhcp-range=2001:db8:1::,ra-only", "--dhcp-leasefile=" + (scratch / "leases").string(),
       std::string("--address=/") + kFarName + "/" + kFar4,
       std::string("--address=/") + kFarName + "/" + kFar6},
      scratch / "dnsmasq.log"));
  return std::unique_ptr<Wire>(new Wire(std::move(services)));
}

Wire::~Wire() {
  services_.Stop(std::chrono::milliseconds(1000));
  (void)Ip(
      "link del clients\n"
      "address del 203.0.113.80/32 dev lo\n"
      "address del 169.254.169.254/32 dev lo\n"
      "address del 2001:db8:80::1/128 dev lo\n"
      "link del uplink\n");
}

Result<std::unique_ptr<Machine>> Machine::Make(unsigned number) {
  LETHE_ASSERT(number >= 1 && number <= 99);
  const std::string name = "c" + std::to_string(number);
  const std::string host = std::to_string(100 + number);
  std::unique_ptr<Machine> machine(new Machine(name));
  LETHE_TRY(Ip("netns add " + name + "\n" + "link add v" + name +
               " type veth peer name eth0 netns " + name + "\n" + "link set v" + name +
               " master clients up\n"));
  (void)LETHE_TRY(RunChecked({.argv = {"ip", "-n", name, "-batch", "-"},
                              .input = "link set lo up\nlink set eth0 up\naddress add 192.0.2." +
                                       host + "/24 dev eth0\naddress add 2001:db8:2::" + host +
                                       "/64 dev eth0 nodad\nroute add default via 192.0.2.1\n"
                                       "route add ::/0 via 2001:db8:2::1\n"}));
  return machine;
}

Machine::~Machine() { (void)Ip("netns del " + name_ + "\n"); }

Result<ChildProcess> Machine::Start(std::vector<std::string> argv, const fs::path& log) {
  argv.insert(argv.begin(), {"ip", "netns", "exec", name_});
  return ChildProcess::Start(argv, log);
}

Result<CommandResult> Machine::Run(std::vector<std::string> argv) {
  argv.insert(argv.begin(), {"ip", "netns", "exec", name_});
  return RunCommand({.argv = std::move(argv)});
}

void Machine::Inside(const std::function<void()>& work) const {
  std::thread thread([&] {
    const auto fd = OpenFile(fs::path("/run/netns") / name_, O_RDONLY);
    LETHE_ASSERT(fd && ::setns(fd->get(), CLONE_NEWNET) == 0);
    work();
  });
  thread.join();
}

bool Machine::Pings(const std::string& address, const std::string& from) {
  std::vector<std::string> argv = {"ping", "-n", "-c", "2", "-i", "0.2", "-W", "1"};
  if (!from.empty()) argv.insert(argv.end(), {"-I", from});
  argv.push_back(address);
  const auto ping = Run(argv);
  return ping && ping->exit_code == 0;
}

std::vector<std::string> Machine::Reachable(const std::vector<std::string>& addresses,
                                            const std::string& from) {
  std::vector<std::string> argv = {
      "sh", "-c",
      "for a; do (ping -n -q -c 2 -i 0.2 -W 1 -I $0 $a >/dev/null 2>&1 && echo $a) & done; wait",
      from};
  argv.insert(argv.end(), addresses.begin(), addresses.end());
  const auto out = Run(argv);
  std::vector<std::string> reached;
  if (out)
    for (const auto line : Lines(out->out)) reached.emplace_back(line);
  return reached;
}

Result<std::string> Machine::Resolve(const std::string& server, bool ipv6, bool tcp) const {
  Result<std::string> answer = Error{ErrorCode::kUnavailable, "not asked"};
  Inside([&] { answer = client::AskNameServer(server, kFarName, ipv6, tcp); });
  return answer;
}

Result<size_t> Machine::FetchFrom(const std::string& address, unsigned port) const {
  Result<size_t> bytes = Error{ErrorCode::kUnavailable, "not asked"};
  Inside([&] { bytes = client::Fetch(address, port, std::chrono::seconds(60)); });
  return bytes;
}

}  // namespace lethe::lab
