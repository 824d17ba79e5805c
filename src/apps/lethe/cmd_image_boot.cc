// lethe image boot: starts an ISO in QEMU for a person, with the VPN ports on loopback.
// Exit codes: 0 the guest was shut down (or is ready, with --until-ready), 1 failure, 5 not ready
// in time.

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "apps/lethe/command.h"
#include "archive/archive.h"
#include "base/file.h"
#include "base/strings.h"
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
  unsigned openvpn_port = 1194;
  unsigned openvpn_tcp_port = 4443;  // the server's own, 443, is root's
  unsigned wireguard_port = 51820;
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
      .forwards = {{"udp", options.openvpn_port, 1194},
                   {"tcp", options.openvpn_tcp_port, 443},
                   {"udp", options.wireguard_port, 51820}}};
  for (const std::string& text : options.forwards) {
    config.forwards.push_back(LETHE_TRY(ParseForward(text)));
  }
  config.ports.push_back({"lethe.client", scratch / "client.tar", {}});
  return config;
}

// The image writes its client profiles once, as a tar with three small files.
Status StoreProfile(const std::string& tar, const fs::path& directory, const Options& options) {
  constexpr uint64_t kMaxProfile = 1 << 20;
  LETHE_TRY(MakeDirectories(directory));
  auto reader = LETHE_TRY(archive::Reader::OpenMemory(tar, "client profile"));
  while (auto entry = LETHE_TRY(reader.Next())) {
    const bool known = entry->path == "client.ovpn" || entry->path == "client-tcp.ovpn" ||
                       entry->path == "client.conf";
    if (!known || entry->type != archive::EntryType::kFile) {
      return Error{ErrorCode::kMalformed, "client profile: unexpected file"};
    }
    std::string text = LETHE_TRY(reader.ReadData(kMaxProfile));
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{
              "remote 127.0.0.1 1194", "remote 127.0.0.1 " + std::to_string(options.openvpn_port)},
          {"remote 127.0.0.1 443", "remote 127.0.0.1 " + std::to_string(options.openvpn_tcp_port)},
          {"127.0.0.1:51820", "127.0.0.1:" + std::to_string(options.wireguard_port)}}) {
      if (const size_t at = text.find(from); at != std::string::npos)
        text.replace(at, from.size(), to);
    }
    LETHE_TRY(WriteFileAtomic(directory / entry->path, text, 0600));
  }
  return {};
}

// The profile's tar once it is complete: a tar ends with two blocks of zeros, and no text has them.
std::optional<std::string> ReadProfile(const fs::path& file) {
  constexpr size_t kTarBlock = 512;
  auto tar = ReadFile(file, 1 << 20);
  const std::string end(2 * kTarBlock, '\0');
  if (!tar || tar->size() % kTarBlock != 0 || !tar->ends_with(end)) return std::nullopt;
  return std::move(*tar);
}

// Until the VPN answers and, where it was asked for, the client profile has arrived.
Result<double> WaitUntilReady(vm::Guest& guest, const Options& options, const fs::path& profile,
                              Clock::time_point start) {
  while (SecondsSince(start) < options.timeout_s && !interrupted) {
    if (!guest.running() && !interrupted) {
      return Error{ErrorCode::kIo, "the guest ended: " + guest.Log()};
    }
    const bool answers = LETHE_TRY(vm::OpenVpnAnswers(options.openvpn_port, milliseconds(500)));
    if (answers && (options.client_dir.empty() || ReadProfile(profile))) return SecondsSince(start);
    if (!answers) std::this_thread::sleep_for(milliseconds(100));
  }
  if (interrupted) return Error{ErrorCode::kUnavailable, "interrupted before the VPN answered"};
  return Error{ErrorCode::kUnavailable,
               fmt::format("the VPN did not answer within {} s", options.timeout_s)};
}

// What to do next, for a person.
void PrintReady(const Options& options, double ready) {
  fmt::print(
      "OpenVPN answers on udp 127.0.0.1:{} after {:.1f} s, and is on tcp 127.0.0.1:{}; WireGuard "
      "is "
      "on udp 127.0.0.1:{}\n",
      options.openvpn_port, ready, options.openvpn_tcp_port, options.wireguard_port);
  if (!options.client_dir.empty()) {
    fmt::print(
        "client profiles of this boot, any of them:\n"
        "  sudo openvpn --config {0}/client.ovpn\n"
        "  sudo openvpn --config {0}/client-tcp.ovpn\n"
        "  sudo wg-quick up {0}/client.conf\n",
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
    LETHE_TRY(StoreProfile(ReadProfile(profile).value_or(""), options.client_dir, options));
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
  app.add_option("--openvpn-port", options->openvpn_port, "UDP port on 127.0.0.1")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
  app.add_option("--openvpn-tcp-port", options->openvpn_tcp_port, "TCP port on 127.0.0.1")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
  app.add_option("--wireguard-port", options->wireguard_port, "UDP port on 127.0.0.1")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
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
