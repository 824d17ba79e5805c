// The real system calls of a boot.
#pragma once

#include "boot/boot.h"

namespace lethe::boot {

class LinuxSystem : public System {
 public:
  Status MountKernelFileSystems() override;
  Result<std::string> ReadSmallFile(const std::string& path) override;
  Result<crypto::Sha256Digest> Digest(const std::string& path) override;
  std::vector<std::string> List(const std::string& folder) override;
  Status LoadModule(const std::string& path) override;
  Status MountRoot(const std::string& image, const std::string& target) override;
  Status MountTmpfs(const std::string& target, const MountLine& mount) override;
  Status WriteFile(const std::string& path, std::string_view text) override;
  Status SwitchRoot(const std::string& root) override;
  Error ExecuteInit() override;
  std::optional<BootRecord> ReadRecord() override;
  void WriteRecord(const std::optional<BootRecord>& record) override;
  void SleepSeconds(unsigned seconds) override;
  void Reboot() override;
};

}  // namespace lethe::boot
