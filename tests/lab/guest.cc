// lab_guest [--probe] ISO FOLDER PORT: a server image for benchmarks. Boots it (KVM where that
// works, else emulated), its services on 127.0.0.1 from PORT on, and says on standard output, one
// line each: `kvm` or `emulated`; `profile`, once the files of the client profile are in FOLDER.
// With the probe, which needs the image's kernel and initrd instead of its boot loader, each line
// on standard input is answered by the KiB of memory in use. The end of standard input is the end
// of the guest.

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "lab.h"
#include "vm/client_profile.h"

namespace lethe::lab {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// Until the guest has handed over its profile. Emulated, and beside another one, it is slow.
constexpr seconds kBootTimeout(600);

struct Arguments {
  bool probe = false;
  fs::path iso;
  fs::path folder;
  unsigned port = 0;
};

std::optional<Arguments> Parse(std::vector<std::string> words) {
  Arguments out;
  if (!words.empty() && words[0] == "--probe") {
    out.probe = true;
    words.erase(words.begin());
  }
  if (words.size() != 3) return std::nullopt;
  const auto port = ParseUnsigned<unsigned>(words[2]);
  if (!port || *port == 0 || *port > 65000) return std::nullopt;
  out.iso = words[0];
  out.folder = words[1];
  out.port = *port;
  return out;
}

void Say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// Whether a line came; false at the end of standard input.
bool NextLine() {
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1)
    if (c == '\n') return true;
  return false;
}

bool InputEnded() {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  return ::poll(&input, 1, 0) > 0 && (input.revents & POLLHUP) != 0;
}

Status Run(const Arguments& arguments) {
  const ScratchDir scratch = LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(), "guest-"));
  const vm::ServerPorts ports{.openvpn_udp = arguments.port,
                              .openvpn_tcp = arguments.port,
                              .wireguard = arguments.port + 1,
                              .ike = arguments.port + 2,
                              .ike_nat = arguments.port + 3};
  const fs::path tar = scratch.path() / "client.tar";
  vm::GuestConfig config{
      .accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg,
      .iso = arguments.iso,
      .forwards = vm::ForwardsTo(ports),
      .ports = {{"lethe.client", tar, {}}}};
  if (arguments.probe) {
    auto files = LETHE_TRY(ExtractBootFiles(arguments.iso, scratch.path()));
    LETHE_TRY(AddProbe(files));
    config.iso.clear();
    config.kernel = files.kernel;
    config.initrd = files.initrd;
    config.command_line = files.command_line;
    config.ports.push_back({"lethe.probe", {}, scratch.path() / "probe"});
  }
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch.path()));
  Say(config.accelerator == vm::Accelerator::kKvm ? "kvm" : "emulated");
  std::optional<std::string> profile;
  const auto came = [&] { return (profile = vm::ReadProfileTar(tar)).has_value(); };
  if (!Eventually(kBootTimeout, [&] { return came() || !guest.running() || InputEnded(); }) ||
      !guest.running())
    return Error{ErrorCode::kUnavailable, "no client profile: " + guest.Log()};
  if (InputEnded()) return {};
  LETHE_TRY(vm::StoreClientProfile(*profile, ports, arguments.folder));
  Say("profile");
  ProbeClient probe(scratch.path() / "probe");
  while (NextLine()) Say(std::to_string(MemoryUsedKib(LETHE_TRY(probe.Read("proc:meminfo")))));
  return {};
}

}  // namespace
}  // namespace lethe::lab

int main(int argc, char** argv) {
  const auto arguments = lethe::lab::Parse(std::vector<std::string>(argv + 1, argv + argc));
  if (!arguments) {
    std::fprintf(stderr, "usage: lab_guest [--probe] ISO FOLDER PORT\n");
    return 2;
  }
  const auto status = lethe::lab::Run(*arguments);
  if (status) return 0;
  std::fprintf(stderr, "lab_guest: %s\n", status.error().message.c_str());
  return lethe::ExitCode(status.error().code);
}
