// What lethe-init does between the kernel and systemd, with the operating system behind an
// interface, so that every failure can be made to happen in a test.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "boot/reason.h"
#include "boot/tables.h"
#include "crypto/sha256.h"

namespace lethe::boot {

// The system calls that a boot needs. The real one is LinuxSystem (system.h); tests have a fake.
class System {
 public:
  virtual ~System() = default;
  virtual Status MountKernelFileSystems() = 0;  // /proc, /sys, /dev and what lies below it
  virtual Result<std::string> ReadSmallFile(const std::string& path) = 0;
  virtual Result<crypto::Sha256Digest> Digest(const std::string& path) = 0;
  // Names in a folder, sorted; empty where it does not exist.
  virtual std::vector<std::string> List(const std::string& folder) = 0;
  virtual Status LoadModule(const std::string& path) = 0;
  virtual Status MountRoot(const std::string& image, const std::string& target) = 0;
  virtual Status MountTmpfs(const std::string& target, const MountLine& mount) = 0;
  virtual Status WriteFile(const std::string& path, std::string_view text) = 0;
  // Makes `root` the root of all, with /dev, /proc and /sys in it, and forgets the initrd's files.
  virtual Status SwitchRoot(const std::string& root) = 0;
  // Returns only when it failed.
  virtual Error ExecuteInit() = 0;

  virtual std::optional<BootRecord> ReadRecord() = 0;
  virtual void WriteRecord(const std::optional<BootRecord>& record) = 0;  // nothing: clears it
  virtual void SleepSeconds(unsigned seconds) = 0;
  virtual void Reboot() = 0;
};

// Runs a boot. Returns only after a failure: its record is written, a pause that doubles with every
// failed attempt (1 s to 5 min) has passed, and Reboot was called.
BootFailure RunBoot(System& system);

// Pause before the reboot after this many failures in a row.
unsigned BackoffSeconds(unsigned attempts);

}  // namespace lethe::boot
