// A QEMU guest: for a person (`lethe image boot`) and for the laboratory. KVM where it really
// works, else emulation (TCG).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "vm/kvm_check.h"

namespace lethe::vm {

enum class Accelerator { kKvm, kTcg };

struct PortForward {
  std::string protocol;  // "tcp" or "udp"
  unsigned host_port;    // on 127.0.0.1
  unsigned guest_port;
};

struct SerialPort {
  std::string name;              // as the guest sees it
  std::filesystem::path file;    // what the guest writes; or
  std::filesystem::path socket;  // a Unix socket for both directions
};

// A folder of the host, by virtio-9p.
struct SharedFolder {
  std::string tag;  // as the guest mounts it
  std::filesystem::path path;
  bool read_only = true;
};

// Ethernet frames as datagrams on loopback, one each.
struct FrameSocket {
  unsigned guest_port;  // where QEMU listens
  unsigned port;        // where it sends to
};

struct GuestConfig {
  Accelerator accelerator = Accelerator::kTcg;
  unsigned memory_mib = 1024;
  unsigned cpus = 2;
  bool uefi = false;
  bool secure_boot = false;              // UEFI that enforces it, once `variables` holds keys
  std::filesystem::path variables;       // a UEFI variable store to start from; not changed
  std::filesystem::path serial_console;  // gets what firmware and kernel say (a serial port)
  // Either an ISO that boots by itself, or kernel and initrd.
  std::filesystem::path iso;
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::string command_line;
  std::vector<std::filesystem::path> disks;  // raw, writable, virtio
  std::string network_card = "virtio-net-pci";
  std::string tap;  // a tap interface that exists; empty: QEMU's own network, 192.0.2.0/24
  std::optional<FrameSocket> frames;  // instead of either
  std::vector<PortForward> forwards;  // of QEMU's own network
  std::vector<SerialPort> ports;
  std::vector<SharedFolder> folders;
  std::string cpu_model;         // empty: the most that the accelerator can do
  std::string clock;             // "2030-01-31T12:00:00", UTC, at the start; empty: the host's
  bool pause_on_reboot = false;  // a reboot stops the guest, its memory stays readable
};

// QEMU's command line; pure. `scratch` holds the control socket and, for UEFI, the variables.
std::vector<std::string> QemuCommand(const GuestConfig& config,
                                     const std::filesystem::path& scratch);

class Guest {
 public:
  // kNotFound where QEMU (or OVMF) is not installed. `scratch` must exist and outlive the guest.
  static Result<Guest> Start(const GuestConfig& config, const std::filesystem::path& scratch);

  pid_t pid() const { return process_.pid(); }
  bool running() { return !process_.Poll().has_value(); }
  // Whether the guest was stopped (by a reboot, with pause_on_reboot).
  Result<bool> Paused();
  // Guest-physical memory.
  Result<std::string> ReadMemory(uint64_t address, size_t size);
  // The power button.
  Status PowerDown();
  std::optional<int> Wait(std::chrono::milliseconds timeout) { return process_.Wait(timeout); }
  void Kill() { process_.Stop(std::chrono::milliseconds(0)); }

  // What QEMU itself said.
  std::string Log() const;

 private:
  Guest(ChildProcess process, std::filesystem::path scratch)
      : process_(std::move(process)), scratch_(std::move(scratch)) {}
  // One command of QEMU's machine protocol (QMP) on a fresh connection; returns its "return" as
  // text.
  Result<std::string> Command(const std::string& json);

  ChildProcess process_;
  std::filesystem::path scratch_;
};

}  // namespace lethe::vm
