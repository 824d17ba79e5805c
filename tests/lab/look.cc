// lab_look ISO: the laboratory for people. Boots the untouched image's kernel and initrd with the
// probe behind them, waits until lethe-prober has come in by every protocol, sends traffic of real
// clients through it, kills every service, and prints what the probe sees.

#include <cstdio>

#include "base/strings.h"
#include "crypto/sha256.h"
#include "lab.h"
#include "resilience.h"
#include "server_view.h"
#include "vm/client_profile.h"
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

Status Require(bool holds, const std::string& what) {
  return holds ? Status() : Status(Error{ErrorCode::kUntrusted, what});
}

// The report of the prober: "NAME PROTOCOL: ready, handshake …".
void SayEachWayIn(const std::string& report) {
  for (const auto line : Lines(report)) {
    const std::string name(Words(line).at(0));
    Say(("  " + name).c_str(), std::string(line.substr(line.find(": ") + 2)));
  }
}

Result<vm::ClientProfile> WaitForProfile(vm::Guest& guest, const fs::path& tar) {
  std::optional<std::string> text;
  (void)Eventually(seconds(400), [&] {
    text = vm::ReadProfileTar(tar);
    return text || !guest.running();
  });
  if (text && guest.running()) return vm::ReadClientProfile(*text, {});
  return Error{ErrorCode::kUnavailable, "no client profile: " + guest.Log()};
}

// Until the prober has come in by every protocol; its report.
Result<std::string> WaitUntilReady(const vm::ClientProfile& profile, const fs::path& scratch) {
  Result<std::string> report = Error{ErrorCode::kUnavailable, "not asked"};
  (void)Eventually(seconds(120), [&] {
    report = TryProber(profile, scratch);
    return report.has_value();
  });
  return report;
}

std::string Since(std::chrono::steady_clock::time_point power_on, bool kvm) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - power_on;
  char text[64];
  std::snprintf(text, sizeof text, "%.1f s after power-on (%s)", took.count(),
                kvm ? "KVM" : "emulated");
  return text;
}

// Each daemon and its manager; clients connect again, and nobody tried to say anything.
Status KillEverything(ProbeClient& probe, const std::map<std::string, std::string>& profile,
                      const fs::path& scratch) {
  LETHE_TRY(MeterServices(probe));
  Say("lethe-vpnd killed", LETHE_TRY(KillManager(probe)));
  for (const char* service : kServices)
    Say((std::string(service) + " killed").c_str(), LETHE_TRY(KillService(probe, service)));
  Say("OpenVPN client, afterwards", LETHE_TRY(TryOpenVpn(profile, scratch)));
  Say("WireGuard client, afterwards", LETHE_TRY(TryWireGuard(profile, scratch)));
  Say("the prober, afterwards", "");
  SayEachWayIn(LETHE_TRY(TryProber(profile, scratch)));
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
      .forwards = vm::ForwardsTo({}),
      .ports = {{"lethe.client", scratch.path() / "client.tar", {}},
                {"lethe.probe", {}, scratch.path() / "probe"}}};
  const auto power_on = std::chrono::steady_clock::now();
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch.path()));
  const auto profile = LETHE_TRY(WaitForProfile(guest, scratch.path() / "client.tar"));
  const std::string report = LETHE_TRY(WaitUntilReady(profile, scratch.path()));
  Say("all four protocols answer", Since(power_on, config.accelerator == vm::Accelerator::kKvm));
  SayEachWayIn(report);
  ProbeClient probe(scratch.path() / "probe");
  LETHE_TRY(probe.WaitUntilUp(seconds(30)));
  Say("OpenVPN client, through the NAT", LETHE_TRY(TryOpenVpn(profile, scratch.path())));
  Say("WireGuard client, through the NAT", LETHE_TRY(TryWireGuard(profile, scratch.path())));

  LETHE_TRY(ExpectSilentOutputs(probe));
  LETHE_TRY(KillEverything(probe, profile, scratch.path()));
  const uint64_t used = MemoryUsedKib(LETHE_TRY(probe.Read("proc:meminfo")));
  char text[64];
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
