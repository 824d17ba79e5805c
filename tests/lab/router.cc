#include "router.h"

#include "base/subprocess.h"

namespace lethe::lab {
namespace {

constexpr unsigned kEthernetMtu = 1500;

Status SetMtu(unsigned mtu) {
  std::string batch;
  for (const char* link : {"uplink", "clients"})
    batch += std::string("link set ") + link + " mtu " + std::to_string(mtu) + "\n";
  (void)LETHE_TRY(RunChecked({.argv = {"ip", "-batch", "-"}, .input = batch}));
  return {};
}

Status LoadRules(const std::string& rules) {
  (void)LETHE_TRY(RunChecked({.argv = {"nft", "-f", "-"}, .input = rules, .package = "nftables"}));
  return {};
}

}  // namespace

Result<Nat> Nat::Start() {
  LETHE_TRY(
      LoadRules("table inet router {\n  chain postrouting {\n"
                "    type nat hook postrouting priority srcnat; policy accept;\n"
                "    oifname \"uplink\" ip saddr 192.0.2.0/24 masquerade\n"
                "    oifname \"uplink\" ip6 saddr 2001:db8:2::/64 masquerade\n  }\n}\n"));
  // What passed before is known as it was, and would go on untranslated.
  (void)LETHE_TRY(RunChecked({.argv = {"conntrack", "-F"}, .package = "conntrack"}));
  return Nat(true);
}

Nat::~Nat() {
  if (active_) (void)LoadRules("delete table inet router\n");
}

Result<NarrowPath> NarrowPath::Start(unsigned mtu) {
  LETHE_TRY(SetMtu(mtu));
  return NarrowPath(true);
}

NarrowPath::~NarrowPath() {
  if (active_) (void)SetMtu(kEthernetMtu);
}

}  // namespace lethe::lab
