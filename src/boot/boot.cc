#include "boot/boot.h"

#include <algorithm>

namespace lethe::boot {
namespace {

constexpr const char* kSums = "/lethe/SHA256SUMS";
constexpr const char* kMounts = "/lethe/mounts";
constexpr const char* kRootImage = "/lethe/root.erofs";
constexpr const char* kModules = "/lethe/modules";
constexpr const char* kRoot = "/root";

using Failure = std::optional<BootFailure>;

Failure CheckFiles(System& system, std::vector<SumLine>& sums) {
  const auto text = system.ReadSmallFile(kSums);
  if (!text) return BootFailure::kSumsUnreadable;
  auto parsed = ParseSums(*text);
  if (!parsed) return BootFailure::kSumsUnreadable;
  sums = std::move(*parsed);
  for (const SumLine& sum : sums) {
    const auto digest = system.Digest(sum.path);
    if (!digest) return BootFailure::kFileMissing;
    if (*digest == sum.digest) continue;
    return sum.path == kRootImage ? BootFailure::kRootDigest : BootFailure::kInitrdDigest;
  }
  return std::nullopt;
}

Failure LoadModules(System& system, const std::vector<SumLine>& sums) {
  for (const std::string& name : system.List(kModules)) {
    const std::string path = std::string(kModules) + "/" + name;
    const bool listed =
        std::any_of(sums.begin(), sums.end(), [&](const SumLine& s) { return s.path == path; });
    if (!listed || !system.LoadModule(path)) return BootFailure::kModule;
  }
  return std::nullopt;
}

Failure MountAll(System& system, std::vector<MountLine>& mounts) {
  if (!system.MountRoot(kRootImage, kRoot)) return BootFailure::kRootMount;
  const auto text = system.ReadSmallFile(kMounts);
  auto parsed = text ? ParseMounts(*text) : Result<std::vector<MountLine>>(text.error());
  if (!parsed) return BootFailure::kMountTable;
  mounts = std::move(*parsed);
  for (const MountLine& mount : mounts) {
    if (!system.MountTmpfs(kRoot + mount.path, mount)) return BootFailure::kWritableMount;
  }
  return std::nullopt;
}

// Hands the last failure over to whoever reports it. Best effort: a server that runs is more use.
void TellLastFailure(System& system, const std::vector<MountLine>& mounts,
                     const std::optional<BootRecord>& last) {
  const bool has_run = std::any_of(mounts.begin(), mounts.end(),
                                   [](const MountLine& m) { return m.path == "/run"; });
  if (has_run) {
    const int code = last ? static_cast<int>(last->failure) : 0;
    const int attempts = last ? last->attempts : 0;
    const std::string text = std::to_string(code) + " " + std::to_string(attempts) + "\n";
    (void)system.WriteFile(std::string(kRoot) + "/run/lethe-boot", text);
  }
}

Failure Start(System& system, std::optional<BootRecord>& last) {
  const bool mounted = system.MountKernelFileSystems().has_value();
  last = system.ReadRecord();
  if (!mounted) return BootFailure::kKernelFileSystems;
  std::vector<SumLine> sums;
  if (const Failure failure = CheckFiles(system, sums)) return failure;
  if (const Failure failure = LoadModules(system, sums)) return failure;
  std::vector<MountLine> mounts;
  if (const Failure failure = MountAll(system, mounts)) return failure;
  TellLastFailure(system, mounts, last);
  if (!system.SwitchRoot(kRoot)) return BootFailure::kSwitchRoot;
  // Not earlier: a boot that always fails in its last steps must count its attempts too.
  if (last) system.WriteRecord(std::nullopt);
  (void)system.ExecuteInit();
  return BootFailure::kStartSystemd;
}

}  // namespace

unsigned BackoffSeconds(unsigned attempts) {
  constexpr unsigned kMax = 300;
  if (attempts == 0) return 0;
  return attempts > 9 ? kMax : std::min(kMax, 1U << (attempts - 1));
}

BootFailure RunBoot(System& system) {
  std::optional<BootRecord> last;
  const Failure failure = Start(system, last);
  LETHE_ASSERT(failure.has_value());
  const unsigned attempts = std::min(255U, (last ? last->attempts : 0U) + 1);
  system.WriteRecord(BootRecord{*failure, static_cast<uint8_t>(attempts)});
  system.SleepSeconds(BackoffSeconds(attempts));
  system.Reboot();
  return *failure;
}

}  // namespace lethe::boot
