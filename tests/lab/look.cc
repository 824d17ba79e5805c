// lab_look ISO: the laboratory for people. Boots the untouched image's kernel and initrd with the
// probe behind them, sends traffic through both VPNs and prints what the probe sees.

#include <cstdio>

#include "base/strings.h"
#include "crypto/sha256.h"
#include "lab.h"
#include "resilience.h"
#include "vm/openvpn_probe.h"
#include "vpn_clients.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

void Say(const char* what, const std::string& value) {
  std::printf("  %-34s %s\n", what, value.c_str());
  std::fflush(stdout);
}

// One line per kind of writable mount.
std::string WritablePlaces(const std::string& mountinfo) {
  std::string out;
  for (const auto line : Lines(mountinfo)) {
    const auto words = Words(line);
    const size_t dash = line.find(" - ");
    if (words.size() < 6 || dash == std::string_view::npos || !words[5].starts_with("rw")) continue;
    const std::string_view type = Words(line.substr(dash + 3))[0];
    if (type == "tmpfs" || type == "devtmpfs")
      out += (out.empty() ? "" : " ") + std::string(words[4]);
  }
  return out;
}

bool VpnAnswers() {
  const auto answers = vm::OpenVpnAnswers(1194, milliseconds(500));
  return answers && *answers;
}

Status Require(bool holds, const std::string& what) {
  return holds ? Status() : Status(Error{ErrorCode::kUntrusted, what});
}

// Each daemon and its manager; clients connect again, and nobody tried to say anything.
Status KillEverything(ProbeClient& probe, const std::map<std::string, std::string>& profile,
                      const fs::path& scratch) {
  LETHE_TRY(MeterServices(probe));
  Say("lethe-vpnd killed", LETHE_TRY(KillManager(probe)));
  for (const char* service : {"openvpn-udp", "openvpn-tcp", "wireguard", "resolver"})
    Say((std::string(service) + " killed").c_str(), LETHE_TRY(KillService(probe, service)));
  Say("OpenVPN client, afterwards", LETHE_TRY(TryOpenVpn(profile, scratch)));
  Say("WireGuard client, afterwards", LETHE_TRY(TryWireGuard(profile, scratch)));
  const ServiceCounts counts = LETHE_TRY(CountServices(probe));
  LETHE_TRY(Require(counts.discarded_bytes == 0 && counts.unsealed == 0,
                    "the daemons tried to say " + std::to_string(counts.discarded_bytes) +
                        " bytes, " + std::to_string(counts.unsealed) + " descriptors unsealed"));
  Say("bytes that they tried to say", "0 (" + std::to_string(counts.services) + " services)");
  return {};
}

// As in production: what comes after counts what services say, through a pipe.
Status ExpectSilentOutputs(ProbeClient& probe) {
  const auto processes = LETHE_TRY(probe.Processes());
  for (const auto& process : processes) {
    for (const auto& descriptor : process.descriptors)
      LETHE_TRY(Require(descriptor == "null", process.exe + " writes to " + descriptor));
  }
  Say("processes, outputs to /dev/null",
      std::to_string(processes.size()) + " of " + std::to_string(processes.size()));
  return {};
}

Status Look(const fs::path& iso) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(), "look-"));
  auto files = LETHE_TRY(ExtractBootFiles(iso, scratch.path()));
  LETHE_TRY(AddProbe(files));
  const fs::path disk = scratch.path() / "disk";
  LETHE_TRY(WriteFileAtomic(disk, std::string(16 << 20, 'D')));
  const auto before = LETHE_TRY(crypto::Sha256OfFile(disk));
  vm::GuestConfig config{
      .accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg,
      .kernel = files.kernel,
      .initrd = files.initrd,
      .command_line = files.command_line,
      .disks = {disk},
      .forwards = {{"udp", 1194, 1194}, {"udp", 51820, 51820}},
      .ports = {{"lethe.client", scratch.path() / "client.tar", {}},
                {"lethe.probe", {}, scratch.path() / "probe"}}};
  const auto start = std::chrono::steady_clock::now();
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch.path()));
  LETHE_TRY(Require(Eventually(seconds(400), [] { return VpnAnswers(); }),
                    "the VPN does not answer: " + guest.Log()));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  char text[64];
  std::snprintf(text, sizeof text, "%.1f s after power-on (%s)", took.count(),
                config.accelerator == vm::Accelerator::kKvm ? "KVM" : "emulated");
  Say("OpenVPN answers", text);

  ProbeClient probe(scratch.path() / "probe");
  LETHE_TRY(probe.WaitUntilUp(seconds(30)));
  LETHE_TRY(Require(
      Eventually(seconds(60),
                 [&] { return ReadClientProfile(scratch.path() / "client.tar").has_value(); }),
      "no client profile"));
  const auto profile = LETHE_TRY(ReadClientProfile(scratch.path() / "client.tar"));
  Say("OpenVPN client, through the NAT", LETHE_TRY(TryOpenVpn(profile, scratch.path())));
  Say("WireGuard client, through the NAT", LETHE_TRY(TryWireGuard(profile, scratch.path())));

  LETHE_TRY(ExpectSilentOutputs(probe));
  LETHE_TRY(KillEverything(probe, profile, scratch.path()));
  const uint64_t used = MemoryUsedKib(LETHE_TRY(probe.Read("proc:meminfo")));
  std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(used) / 1024);
  Say("memory in use", text);

  const std::string partitions = LETHE_TRY(probe.Read("proc:partitions"));
  LETHE_TRY(Require(partitions.empty(), "there are block devices: " + partitions));
  Say("block devices", "none (a disk is attached)");
  const std::string mountinfo = LETHE_TRY(probe.Read("proc:1/mountinfo"));
  LETHE_TRY(Require(mountinfo.find(" / ro,") != std::string::npos, "the root is writable"));
  Say("root", "read-only, from RAM");
  Say("writable, all of it RAM", WritablePlaces(mountinfo));
  LETHE_TRY(Require(LETHE_TRY(probe.Run({"/usr/bin/ls", "-A", "/var/log"})).empty(),
                    "/var/log is not empty"));
  Say("/var/log", "empty, in memory; there is no journal");
  (void)probe.Run({"/usr/bin/systemctl", "poweroff"});
  LETHE_TRY(Require(guest.Wait(milliseconds(60000)).has_value(), "the guest does not power off"));
  LETHE_TRY(Require(LETHE_TRY(crypto::Sha256OfFile(disk)) == before, "the disk was written to"));
  Say("the attached disk, after power-off", "unchanged");
  return {};
}

}  // namespace
}  // namespace lethe::lab

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: lab_look ISO\n");
    return 2;
  }
  const auto status = lethe::lab::Look(argv[1]);
  if (status) return 0;
  std::fprintf(stderr, "lab_look: %s\n", status.error().message.c_str());
  return lethe::ExitCode(status.error().code);
}
