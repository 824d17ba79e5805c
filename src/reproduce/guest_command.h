// One command in a virtual machine whose root is the host's: Debian's kernel of a recipe's lock,
// the host's root read-only over virtio-9p with memory on top. `lethe-guest-init` is its PID 1.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::reproduce {

// The folder where `lethe-guest-init` (lethe's or a test's program) lies: that of this process.
// kUnavailable where it does not.
Result<std::filesystem::path> GuestInitProgram();

struct GuestCommand {
  std::vector<std::string> argv;         // argv[0] is looked up in the PATH of `environment`
  std::filesystem::path folder;          // where it runs
  std::vector<std::string> environment;  // "NAME=value"; nothing else is inherited
  std::filesystem::path keep;  // a folder of the guest: its files are the result, after exit code 0
  // As a server would be: /run and /tmp are new and in memory, so are /dev/shm and /dev/pts;
  // cgroup2 is at /sys/fs/cgroup with all controllers; loopback is up.
  bool server = false;
};

struct GuestMachine {
  unsigned memory_mib = 1024;
  unsigned cpus = 2;
  std::string cpu_model;                    // empty: the most that the accelerator can do
  std::string clock;                        // as in vm::GuestConfig
  std::vector<std::string> kernel_options;  // more words of its command line
  std::chrono::seconds timeout{600};
  // Called with each piece of the output of the command, in its order.
  std::function<void(std::string_view)> output;
};

// Unpacks the kernel that the lock of `recipe` names, from the store, to the new folder `to`, with
// `modules` and what they need. kNotFound where the store lacks the package or the kernel a module.
Status ExtractGuestKernel(const std::filesystem::path& recipe, const std::filesystem::path& store,
                          const std::vector<std::string>& modules, const std::filesystem::path& to);

// Returns the exit code (128 + signal), nothing where it was not done in time. `kernel`: a folder
// of ExtractGuestKernel. `result`, an empty folder, gets the file `log` (all output) and what the
// command keeps. kNotFound: no QEMU; kIo: the machine could not run it, with what the console said.
Result<std::optional<int>> RunInGuest(const GuestCommand& command, const GuestMachine& machine,
                                      const std::filesystem::path& kernel,
                                      const std::filesystem::path& scratch,
                                      const std::filesystem::path& result);

}  // namespace lethe::reproduce
