// The laboratory: boots real images in QEMU and looks inside them. Runs inside its own network
// namespace (tools/lab), so that nothing reaches the host's network.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "base/result.h"
#include "boot/reason.h"
#include "vm/guest.h"

namespace lethe::lab {

// The image under test: $LETHE_LAB_ISO. Aborts with a message where it is not set.
std::filesystem::path ImageUnderTest();

// Kernel, initrd and command line of an ISO; the initrd can be changed by one bit.
struct BootFiles {
  std::filesystem::path kernel;
  std::filesystem::path initrd;
  std::string command_line;
};

// Writes kernel and initrd of `iso` to `directory`. Where `flip_file` is not empty, one bit in the
// middle of that file of the initrd ("lethe/root.erofs") is flipped.
Result<BootFiles> ExtractBootFiles(const std::filesystem::path& iso,
                                   const std::filesystem::path& directory,
                                   const std::string& flip_file = "");

// Appends the probe as one more cpio and sets rdinit.
Status AddProbe(BootFiles& files);

// Talks to the probe's observer over its virtio port.
class ProbeClient {
 public:
  explicit ProbeClient(std::filesystem::path socket) : socket_(std::move(socket)) {}

  // Waits until the observer answers.
  Status WaitUntilUp(std::chrono::seconds timeout);
  // A file as PID 1 sees it, or of /proc ("proc:1/mountinfo").
  Result<std::string> Read(const std::string& path);
  // Output of a program in PID 1's world; kIo where it fails.
  Result<std::string> Run(const std::vector<std::string>& argv);

  struct Process {
    int pid;
    std::string exe;
    std::string descriptors[3];
  };
  Result<std::vector<Process>> Processes();

 private:
  struct Answer {
    int status;
    std::string bytes;
  };
  Result<Answer> Ask(const std::vector<std::string>& fields, std::chrono::seconds timeout);
  std::filesystem::path socket_;
};

// MemTotal - MemAvailable of /proc/meminfo.
uint64_t MemoryUsedKib(const std::string& meminfo);

// The reason that a failed boot left in the guest's memory; nothing where there is none.
std::optional<boot::BootRecord> ReadBootRecord(vm::Guest& guest);
inline constexpr std::string_view kNoPanic = "the kernel did not panic";
// What the kernel said last before it panicked, out of the memory of a stopped guest: it says
// nothing on any console. kNoPanic where it did not.
std::string KernelPanic(vm::Guest& guest, unsigned memory_mib);

// Waits for `condition`; false after the timeout.
template <typename Condition>
bool Eventually(std::chrono::seconds timeout, Condition condition);

// A server that sends `bytes` to whoever connects, once; ends with its owner.
class FarServer {
 public:
  static Result<std::unique_ptr<FarServer>> Start(size_t bytes,
                                                  const std::string& address = "127.0.0.1");
  ~FarServer();
  unsigned port() const { return port_; }

 private:
  FarServer() = default;
  int fd_ = -1;
  unsigned port_ = 0;
  std::unique_ptr<class FarThread> thread_;
};

template <typename Condition>
bool Eventually(std::chrono::seconds timeout, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    ::usleep(100000);
  }
  return condition();
}

}  // namespace lethe::lab
