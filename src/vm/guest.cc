#include "vm/guest.h"

#include <poll.h>
#include <unistd.h>

#include <thread>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/unix_socket.h"
#include "json/json.h"

namespace lethe::vm {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr const char* kQemu = "qemu-system-x86_64";
constexpr const char* kFirmwareCode = "/usr/share/OVMF/OVMF_CODE_4M.fd";
constexpr const char* kSecureFirmwareCode = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
constexpr const char* kFirmwareVariables = "/usr/share/OVMF/OVMF_VARS_4M.fd";

// QEMU splits its options at commas; a doubled one stands for itself.
std::string Quoted(const fs::path& path) {
  std::string out;
  for (const char c : path.string()) out += c == ',' ? std::string(",,") : std::string(1, c);
  return out;
}

void Append(std::vector<std::string>& command, std::initializer_list<std::string> words) {
  command.insert(command.end(), words);
}

void AddPorts(const GuestConfig& config, std::vector<std::string>& command) {
  if (config.ports.empty()) return;
  Append(command, {"-device", "virtio-serial-pci"});
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const SerialPort& port = config.ports[i];
    const std::string id = "port" + std::to_string(i);
    const std::string backend =
        port.socket.empty()
            ? "file,id=" + id + ",path=" + Quoted(port.file)
            : "socket,id=" + id + ",path=" + Quoted(port.socket) + ",server=on,wait=off";
    Append(command, {"-chardev", backend, "-device",
                     "virtserialport,chardev=" + id + ",name=" + Quoted(port.name)});
  }
}

void AddFirmware(const GuestConfig& config, const fs::path& scratch,
                 std::vector<std::string>& command) {
  // The variables are writable for the firmware in system management mode only.
  Append(command, {"-machine", config.secure_boot ? "q35,smm=on" : "q35"});
  if (config.secure_boot)
    Append(command, {"-global", "driver=cfi.pflash01,property=secure,value=on"});
  Append(command, {"-drive",
                   std::string("if=pflash,format=raw,readonly=on,file=") +
                       (config.secure_boot ? kSecureFirmwareCode : kFirmwareCode),
                   "-drive", "if=pflash,format=raw,file=" + Quoted(scratch / "variables.fd")});
}

Result<std::string> ReadLine(int fd, milliseconds timeout) {
  std::string line;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd waiting{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) <= 0)
      return Error{ErrorCode::kUnavailable, "QEMU does not answer"};
    char c = 0;
    if (::read(fd, &c, 1) != 1) return Error{ErrorCode::kIo, "QEMU closed its control socket"};
    if (c == '\n') return line;
    line += c;
  }
}

}  // namespace

std::vector<std::string> QemuCommand(const GuestConfig& config, const fs::path& scratch) {
  std::vector<std::string> command = {kQemu,      "-nodefaults",
                                      "-display", "none",
                                      "-vga",     "std",
                                      "-m",       std::to_string(config.memory_mib),
                                      "-smp",     std::to_string(config.cpus)};
  const bool kvm = config.accelerator == Accelerator::kKvm;
  const char* cpu = kvm ? "host" : "max";
  Append(command, {"-accel", kvm ? "kvm" : "tcg,thread=multi", "-cpu",
                   config.cpu_model.empty() ? cpu : config.cpu_model});
  if (!config.clock.empty()) Append(command, {"-rtc", "base=" + config.clock});
  for (const SharedFolder& folder : config.folders) {
    Append(command, {"-virtfs", "local,path=" + Quoted(folder.path) + ",mount_tag=" + folder.tag +
                                    ",security_model=none,multidevs=remap,readonly=" +
                                    (folder.read_only ? "on" : "off")});
  }
  if (config.uefi) AddFirmware(config, scratch, command);
  if (!config.serial_console.empty())
    Append(command, {"-serial", "file:" + Quoted(config.serial_console)});
  if (!config.iso.empty())
    Append(command, {"-drive", "media=cdrom,format=raw,readonly=on,file=" + Quoted(config.iso)});
  if (!config.kernel.empty()) {
    Append(command, {"-kernel", config.kernel.string(), "-initrd", config.initrd.string(),
                     "-append", config.command_line});
  }
  for (const fs::path& disk : config.disks)
    Append(command, {"-drive", "if=virtio,format=raw,file=" + Quoted(disk)});
  // A documentation network: a VPN server lets its clients into no private one.
  std::string network = "user,id=net,net=192.0.2.0/24";
  for (const PortForward& forward : config.forwards) {
    network += ",hostfwd=" + forward.protocol + ":127.0.0.1:" + std::to_string(forward.host_port) +
               "-:" + std::to_string(forward.guest_port);
  }
  if (!config.tap.empty()) network = "tap,id=net,script=no,downscript=no,ifname=" + config.tap;
  if (config.frames) {
    network = "socket,id=net,udp=127.0.0.1:" + std::to_string(config.frames->port) +
              ",localaddr=127.0.0.1:" + std::to_string(config.frames->guest_port);
  }
  Append(command, {"-netdev", network, "-device", config.network_card + ",netdev=net"});
  AddPorts(config, command);
  Append(command, {"-qmp", "unix:" + Quoted(scratch / "qmp") + ",server=on,wait=off"});
  if (config.pause_on_reboot) Append(command, {"-action", "reboot=shutdown,shutdown=pause"});
  return command;
}

Result<Guest> Guest::Start(const GuestConfig& config, const fs::path& scratch) {
  if (config.uefi) {
    const auto variables =
        ReadFile(config.variables.empty() ? kFirmwareVariables : config.variables);
    if (!variables)
      return Error{ErrorCode::kNotFound,
                   "UEFI needs the package ovmf: " + variables.error().message};
    LETHE_TRY(WriteFileAtomic(scratch / "variables.fd", *variables));
  }
  auto process = ChildProcess::Start(QemuCommand(config, scratch), scratch / "qemu.log");
  if (!process) {
    if (process.error().code == ErrorCode::kNotFound)
      process.error().message += " (install the package qemu-system-x86)";
    return std::move(process).error();
  }
  Guest guest(std::move(*process), scratch);
  for (int i = 0; i < 500; ++i) {  // until the control socket is there
    if (!guest.running()) return Error{ErrorCode::kIo, "QEMU ended at once: " + guest.Log()};
    // The socket is there before QEMU has looked at its other options; it answers after that.
    if (guest.Command(R"({"execute":"query-status"})")) return guest;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return Error{ErrorCode::kUnavailable, "QEMU did not open its control socket"};
}

Result<std::string> Guest::Command(const std::string& json) {
  const Fd fd = LETHE_TRY(ConnectUnix({.path = scratch_ / "qmp"}));
  constexpr milliseconds kTimeout(10000);
  (void)LETHE_TRY(ReadLine(fd.get(), kTimeout));  // the greeting
  std::string answer;
  for (const std::string& command : {std::string(R"({"execute":"qmp_capabilities"})"), json}) {
    LETHE_TRY(WriteAll(fd.get(), command + "\n", "QEMU's control socket"));
    do {
      answer = LETHE_TRY(ReadLine(fd.get(), kTimeout));
    } while (answer.find("\"event\"") != std::string::npos);
  }
  const json::Value value = LETHE_TRY_IN(json::Parse(answer), "QEMU's answer");
  if (value.Find("return") == nullptr)
    return Error{ErrorCode::kIo, "QEMU refuses " + json + ": " + answer};
  return json::Write(*value.Find("return"));
}

Result<bool> Guest::Paused() {
  const std::string status = LETHE_TRY(Command(R"({"execute":"query-status"})"));
  return status.find("\"running\":true") == std::string::npos;
}

Result<std::string> Guest::ReadMemory(uint64_t address, size_t size) {
  const fs::path file = scratch_ / "memory";
  const json::Value command = json::Object{
      {"execute", "pmemsave"},
      {"arguments", json::Object{{"val", address}, {"size", size}, {"filename", file.string()}}}};
  (void)LETHE_TRY(Command(json::Write(command)));
  return ReadFile(file);
}

Status Guest::PowerDown() {
  (void)LETHE_TRY(Command(R"({"execute":"system_powerdown"})"));
  return {};
}

std::string Guest::Log() const {
  const auto text = ReadFile(scratch_ / "qemu.log", 1 << 20);
  return text ? std::string(Trim(*text)) : "";
}

}  // namespace lethe::vm
