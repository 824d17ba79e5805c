// lethe image boot: starts an ISO in QEMU for a person, with the VPN ports on loopback.
// Exit codes: 0 the guest was shut down (or is ready, with --until-ready), 1 failure, 5 not ready
// in time.

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "apps/lethe/command.h"
#include "base/file.h"
#include "base/strings.h"
#include "vm/client_profile.h"
#include "vm/guest.h"
#include "vm/openvpn_probe.h"

namespace lethe::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Options {
  std::string iso;
  unsigned memory_mib = 1024;
  unsigned cpus = 2;
  vm::ServerPorts ports;
  unsigned timeout_s = 180;
  bool uefi = false;
  bool until_ready = false;
  std::string client_dir;
  std::vector<std::string> forwards;  // "udp:8053:53"
};

std::atomic<bool> interrupted{false};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<vm::PortForward> ParseForward(const std::string& text) {
  const auto fields = Split(text, ':');
  const auto port = [&](size_t i) {
    const auto number = fields.size() == 3 ? ParseUnsigned<uint16_t>(fields[i]) : std::nullopt;
    return number.value_or(0);
  };
  if (fields.size() != 3 || (fields[0] != "udp" && fields[0] != "tcp") || !port(1) || !port(2)) {
    return Error{ErrorCode::kUsage, "--forward '" + Printable(text) +
                                        "': expected <udp|tcp>:<host port>:<guest port>"};
  }
  return vm::PortForward{std::string(fields[0]), port(1), port(2)};
}

Result<vm::GuestConfig> MakeConfig(const Options& options, const fs::path& scratch) {
  vm::GuestConfig config{
      .accelerator = vm::KvmWorks() ? vm::Accelerator::kKvm : vm::Accelerator::kTcg,
      .memory_mib = options.memory_mib,
      .cpus = options.cpus,
      .uefi = options.uefi,
      .iso = options.iso,
      .forwards = vm::ForwardsTo(options.ports)};
  for (const std::string& text : options.forwards) {
    config.forwards.push_back(LETHE_TRY(ParseForward(text)));
  }
  config.ports.push_back({"lethe.client", scratch / "client.tar", {}});
  return config;
}

// Until the VPN answers and, where it was asked for, the client profile has arrived.
Result<double> WaitUntilReady(vm::Guest& guest, const Options& options, const fs::path& profile,
                              Clock::time_point start) {
  while (SecondsSince(start) < options.timeout_s && !interrupted) {
    if (!guest.running() && !interrupted) {
      return Error{ErrorCode::kIo, "the guest ended: " + guest.Log()};
    }
    const bool answers =
        LETHE_TRY(vm::OpenVpnAnswers(options.ports.openvpn_udp, milliseconds(500)));
    if (answers && (options.client_dir.empty() || vm::ReadProfileTar(profile)))
      return SecondsSince(start);
    if (!answers) std::this_thread::sleep_for(milliseconds(100));
  }
  if (interrupted) return Error{ErrorCode::kUnavailable, "interrupted before the VPN answered"};
  return Error{ErrorCode::kUnavailable,
               fmt::format("the VPN did not answer within {} s", options.timeout_s)};
}

// What to do next, for a person.
void PrintReady(const Options& options, double ready) {
  const vm::ServerPorts& ports = options.ports;
  fmt::print(
      "OpenVPN answers on udp 127.0.0.1:{} after {:.1f} s, and is on tcp 127.0.0.1:{}; WireGuard "
      "is on udp 127.0.0.1:{}, IKE of IKEv2 and L2TP on udp 127.0.0.1:{} and {}\n",
      ports.openvpn_udp, ready, ports.openvpn_tcp, ports.wireguard, ports.ike, ports.ike_nat);
  if (!options.client_dir.empty()) {
    fmt::print(
        "client profiles of this boot, any of them:\n"
        "  sudo openvpn --config {0}/client.ovpn\n"
        "  sudo openvpn --config {0}/client-tcp.ovpn\n"
        "  sudo wg-quick up {0}/client.conf\n"
        "every way in, with a handshake and a request through the tunnel:\n"
        "  lethe-prober {0}/*.toml\n",
        fs::absolute(options.client_dir).lexically_normal().string());
  }
  if (!options.until_ready) {
    fmt::print("Ctrl-C ends the guest; with it goes everything that it knew.\n");
  }
}

Result<int> Run(const Options& options, const GlobalOptions& global) {
  if (!fs::exists(options.iso)) return Error{ErrorCode::kNotFound, options.iso + " does not exist"};
  const ScratchDir scratch =
      LETHE_TRY(ScratchDir::Create(fs::temp_directory_path(), "lethe-boot-"));
  const vm::GuestConfig config = LETHE_TRY(MakeConfig(options, scratch.path()));
  const bool kvm = config.accelerator == vm::Accelerator::kKvm;
  fmt::print(stderr, "booting {} by {}, {}\n", options.iso, options.uefi ? "UEFI" : "BIOS",
             kvm ? "with KVM" : "emulated, which is many times slower than hardware");
  if (!kvm) fmt::print(stderr, "  KVM: {}\n", vm::CheckKvm().error().message);
  std::signal(SIGINT, [](int) { interrupted = true; });
  std::signal(SIGTERM, [](int) { interrupted = true; });
  const auto start = Clock::now();
  auto guest = LETHE_TRY(vm::Guest::Start(config, scratch.path()));
  const fs::path profile = scratch.path() / "client.tar";
  const double ready = LETHE_TRY(WaitUntilReady(guest, options, profile, start));
  if (!options.client_dir.empty()) {
    LETHE_TRY(vm::StoreClientProfile(vm::ReadProfileTar(profile).value_or(""), options.ports,
                                     options.client_dir));
  }
  if (global.json) {
    PrintJson(json::Object{{"ready_seconds", ready},
                           {"accelerator", kvm ? "kvm" : "tcg"},
                           {"client_dir", options.client_dir}});
  } else {
    PrintReady(options, ready);
  }
  std::fflush(stdout);
  if (options.until_ready) return 0;
  while (!interrupted && guest.running()) std::this_thread::sleep_for(milliseconds(100));
  return 0;
}

}  // namespace

Action DeclareImageBoot(CLI::App& app, const GlobalOptions& global) {
  auto options = std::make_shared<Options>();
  app.add_option("iso", options->iso, "the ISO")->required();
  app.add_option("--memory", options->memory_mib, "MiB of RAM")
      ->capture_default_str()
      ->check(CLI::Range(256, 65536));
  app.add_option("--cpus", options->cpus, "processors")
      ->capture_default_str()
      ->check(CLI::Range(1, 64));
  app.add_flag("--uefi", options->uefi, "boot by UEFI instead of BIOS (package ovmf)");
  const auto add_port = [&app](const char* name, unsigned& port, const char* protocol) {
    app.add_option(name, port, std::string(protocol) + " port on 127.0.0.1")
        ->capture_default_str()
        ->check(CLI::Range(1, 65535));
  };
  add_port("--openvpn-port", options->ports.openvpn_udp, "UDP");
  add_port("--openvpn-tcp-port", options->ports.openvpn_tcp, "TCP");
  add_port("--wireguard-port", options->ports.wireguard, "UDP");
  add_port("--ike-port", options->ports.ike, "UDP");
  add_port("--ike-nat-port", options->ports.ike_nat, "UDP");
  app.add_option("--forward", options->forwards,
                 "one more port on 127.0.0.1, <udp|tcp>:<host port>:<guest port>");
  app.add_option("--client-dir", options->client_dir,
                 "store the client profiles of this boot in this folder");
  app.add_option("--timeout", options->timeout_s, "seconds until the VPN must answer")
      ->capture_default_str();
  app.add_flag("--until-ready", options->until_ready,
               "end the guest and exit once the VPN answers");
  return [options, &global] { return Run(*options, global); };
}

}  // namespace lethe::cli
