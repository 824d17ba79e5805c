#include "boot/system.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "crypto/small_sha256.h"

namespace lethe::boot {
namespace {

Status Mount(const char* source, const std::string& target, const char* type, unsigned long flags,
             const std::string& options) {
  ::mkdir(target.c_str(), 0755);  // may exist
  if (::mount(source, target.c_str(), type, flags, options.c_str()) == 0) return {};
  return IoError("mounting", target);
}

// A file's time of access tells when somebody came.
constexpr unsigned long kStrict = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;

// What the kernel does not use as memory below 1 MiB can be reached by /dev/mem even where strict
// access is compiled in.
Result<Fd> OpenMemory(int flags) {
  auto memory = OpenFile("/dev/mem", flags | O_SYNC);
  if (memory) return memory;
  constexpr const char* kNode = "/mem";  // where /dev could not be mounted
  ::mknod(kNode, S_IFCHR | 0600, makedev(1, 1));
  memory = OpenFile(kNode, flags | O_SYNC);
  ::unlink(kNode);
  return memory;
}

}  // namespace

Status LinuxSystem::MountKernelFileSystems() {
  LETHE_TRY(Mount("proc", "/proc", "proc", kStrict, ""));
  LETHE_TRY(Mount("sysfs", "/sys", "sysfs", kStrict, ""));
  LETHE_TRY(Mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC | MS_NOATIME, "mode=0755"));
  LETHE_TRY(Mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC | MS_NOATIME,
                  "mode=0600,ptmxmode=0000"));
  LETHE_TRY(Mount("tmpfs", "/dev/shm", "tmpfs", kStrict, "mode=1777,size=4m"));
  // The kernel gave us the console as 0, 1 and 2; or nothing, on a machine without any console.
  // Then this open would return one of them, so it is moved out of the way.
  Fd opened = LETHE_TRY(OpenFile("/dev/null", O_RDWR));
  const Fd null(::fcntl(opened.get(), F_DUPFD_CLOEXEC, 3));
  if (!null) return IoError("opening", "/dev/null");
  opened.Close();
  for (int fd = 0; fd < 3; ++fd) {
    if (::dup2(null.get(), fd) < 0) return IoError("opening", "/dev/null");
  }
  return {};
}

Result<std::string> LinuxSystem::ReadSmallFile(const std::string& path) {
  constexpr uint64_t kMax = 1 << 20;
  return ReadFile(path, kMax);
}

Result<crypto::Sha256Digest> LinuxSystem::Digest(const std::string& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY | O_NOFOLLOW));
  return crypto::SmallSha256OfFd(fd.get(), path);
}

std::vector<std::string> LinuxSystem::List(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status LinuxSystem::LoadModule(const std::string& path) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_RDONLY | O_NOFOLLOW));
  if (::syscall(SYS_finit_module, fd.get(), "", 0) == 0 || errno == EEXIST) return {};
  return IoError("loading", path);
}

Status LinuxSystem::MountRoot(const std::string& image, const std::string& target) {
  // EROFS mounts straight from a file: no loop device, so that no block device ever exists.
  return Mount(image.c_str(), target, "erofs", MS_RDONLY | MS_NOSUID | MS_NODEV, "");
}

Status LinuxSystem::MountTmpfs(const std::string& target, const MountLine& mount) {
  char options[64];
  std::snprintf(options, sizeof options, "mode=%04o,size=%llu", mount.mode,
                static_cast<unsigned long long>(mount.size_bytes));
  // A writable path below another one has to be made first; below the root it is there.
  return Mount("tmpfs", target, "tmpfs", kStrict, options);
}

Status LinuxSystem::WriteFile(const std::string& path, std::string_view text) {
  const Fd fd = LETHE_TRY(OpenFile(path, O_CREAT | O_WRONLY | O_TRUNC, 0644));
  return WriteAll(fd.get(), text, path);
}

Status LinuxSystem::SwitchRoot(const std::string& root) {
  for (const char* fs : {"/dev", "/proc", "/sys"}) {
    const std::string target = root + fs;
    if (::mount(fs, target.c_str(), nullptr, MS_MOVE, nullptr) != 0) return IoError("moving", fs);
  }
  // The mounted image keeps its memory without its name; the rest is given back.
  std::error_code ignored;
  std::filesystem::remove_all("/lethe", ignored);
  std::filesystem::remove_all("/kernel", ignored);  // microcode: in the processors by now
  std::filesystem::remove("/init", ignored);
  if (::chdir(root.c_str()) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      ::chroot(".") != 0 || ::chdir("/") != 0) {
    return IoError("switching to", root);
  }
  return {};
}

Error LinuxSystem::ExecuteInit() {
  char name[] = "/sbin/init";
  char* argv[] = {name, nullptr};
  char* env[] = {nullptr};
  ::execve("/usr/lib/systemd/systemd", argv, env);
  return IoError("executing", "/usr/lib/systemd/systemd");
}

std::optional<BootRecord> LinuxSystem::ReadRecord() {
  const auto memory = OpenMemory(O_RDONLY);
  if (!memory) return std::nullopt;
  for (const uint64_t address : {kReservedRecordAddress, kRecordAddress}) {
    RecordBytes bytes{};
    const ssize_t n =
        ::pread(memory->get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (n != static_cast<ssize_t>(bytes.size())) continue;
    if (const auto record = DecodeRecord(bytes)) return record;
  }
  return std::nullopt;
}

void LinuxSystem::WriteRecord(const std::optional<BootRecord>& record) {
  const auto memory = OpenMemory(O_WRONLY);
  if (!memory) return;
  const RecordBytes bytes = record ? EncodeRecord(*record) : RecordBytes{};
  for (const uint64_t address : {kReservedRecordAddress, kRecordAddress}) {
    (void)!::pwrite(memory->get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
  }
}

void LinuxSystem::SleepSeconds(unsigned seconds) { ::sleep(seconds); }

void LinuxSystem::Reboot() { ::reboot(RB_AUTOBOOT); }

}  // namespace lethe::boot
