// lethe-guest-init: PID 1 of the virtual machine in which one command runs (src/reproduce/
// guest_command.h). The host's root comes read-only over virtio-9p, memory lies on top of it; what
// is kept, what was said and the exit code go to a second shared folder. Then the machine powers
// off.

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/strings.h"

namespace lethe {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModules = "/modules";
constexpr const char* kRoot = "/root";
constexpr const char* kResult = "/lethe-result";  // of the new root; the host has no such folder

// What the host's side wrote (DescriptionOf in src/reproduce/guest_command.cc).
struct Description {
  std::string folder;
  std::string keep;
  bool server = false;
  std::vector<std::string> environment;
  std::vector<std::string> arguments;
};

Result<Description> ParseDescription(std::string_view text) {
  Description out;
  while (!text.empty()) {
    const size_t end = text.find('\0');
    const std::string_view entry = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const size_t equals = entry.find('=');
    const std::string_view key = entry.substr(0, equals);
    const std::string value(entry.substr(equals == std::string_view::npos ? 0 : equals + 1));
    if (key == "folder") {
      out.folder = value;
    } else if (key == "keep") {
      out.keep = value;
    } else if (key == "server") {
      out.server = true;
    } else if (key == "environment") {
      out.environment.push_back(value);
    } else if (key == "argument") {
      out.arguments.push_back(value);
    } else {
      return Error{ErrorCode::kMalformed, "unknown key '" + Printable(key) + "'"};
    }
  }
  if (out.arguments.empty()) return Error{ErrorCode::kMalformed, "no command"};
  return out;
}

Status Mount(const std::string& from, const std::string& to, const char* type, unsigned long flags,
             const std::string& options) {
  LETHE_TRY(MakeDirectories(to));
  if (::mount(from.c_str(), to.c_str(), type, flags, options.c_str()) != 0)
    return IoError("mounting", to);
  return {};
}

Status LoadModules() {
  std::vector<fs::path> modules;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kModules, error)) modules.push_back(entry.path());
  std::sort(modules.begin(), modules.end());
  for (const fs::path& module : modules) {
    const Fd fd = LETHE_TRY(OpenFile(module, O_RDONLY));
    if (::syscall(SYS_finit_module, fd.get(), "", 0) != 0 && errno != EEXIST)
      return IoError("loading", module);
  }
  return {};
}

Status MountAll() {
  constexpr const char* k9p = "trans=virtio,version=9p2000.L,msize=512000,cache=loose";
  LETHE_TRY(Mount("proc", "/proc", "proc", 0, ""));
  LETHE_TRY(Mount("devtmpfs", "/dev", "devtmpfs", 0, "mode=0755"));
  LETHE_TRY(Mount("sysfs", "/sys", "sysfs", 0, ""));
  LETHE_TRY(LoadModules());
  LETHE_TRY(Mount("host", "/lower", "9p", MS_RDONLY, k9p));
  LETHE_TRY(Mount("memory", "/memory", "tmpfs", 0, "mode=0755,size=90%"));
  LETHE_TRY(MakeDirectories("/memory/upper"));
  LETHE_TRY(MakeDirectories("/memory/work"));
  LETHE_TRY(Mount("overlay", kRoot, "overlay", 0,
                  "lowerdir=/lower,upperdir=/memory/upper,workdir=/memory/work"));
  for (const std::string folder : {"/proc", "/dev", "/sys"}) {
    if (::mount(folder.c_str(), (kRoot + folder).c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
      return IoError("binding", folder);
  }
  return Mount("result", kRoot + std::string(kResult), "9p", 0,
               "trans=virtio,version=9p2000.L,msize=512000");
}

// Not chroot alone: the kernel makes no user namespaces below a changed root.
Status SwitchRoot() {
  if (::chdir(kRoot) != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      ::chroot(".") != 0 || ::chdir("/") != 0) {
    return IoError("switching to", kRoot);
  }
  return {};
}

// A new /tmp, in which the command's folder stays where it was.
Status NewTmp(const std::string& folder) {
  const bool below = folder.starts_with("/tmp/");
  const Fd kept = below ? LETHE_TRY(OpenFile(folder, O_PATH | O_DIRECTORY)) : Fd();
  LETHE_TRY(Mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
  if (!below) return {};
  LETHE_TRY(MakeDirectories(folder));
  const std::string from = "/proc/self/fd/" + std::to_string(kept.get());
  if (::mount(from.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return IoError("binding", folder);
  return {};
}

Status AllControllers() {
  constexpr const char* kGroups = "/sys/fs/cgroup";
  LETHE_TRY(Mount("cgroup2", kGroups, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""));
  const std::string text =
      LETHE_TRY(ReadFile(std::string(kGroups) + "/cgroup.controllers", 1 << 12));
  const Fd control =
      LETHE_TRY(OpenFile(std::string(kGroups) + "/cgroup.subtree_control", O_WRONLY));
  for (const std::string_view name : Words(Trim(text)))
    LETHE_TRY(WriteAll(control.get(), "+" + std::string(name), "cgroup.subtree_control"));
  return {};
}

Status LoopbackUp() {
  const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (!fd || ::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return IoError("asking for", "lo");
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return IoError("raising", "lo");
  return {};
}

// What devtmpfs lacks.
Status LinkStandardStreams() {
  constexpr std::pair<const char*, const char*> kLinks[] = {{"/proc/self/fd", "/dev/fd"},
                                                            {"/proc/self/fd/0", "/dev/stdin"},
                                                            {"/proc/self/fd/1", "/dev/stdout"},
                                                            {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& [to, link] : kLinks) {
    if (::symlink(to, link) != 0 && errno != EEXIST) return IoError("linking", link);
  }
  return {};
}

Status BecomeServer(const std::string& folder) {
  LETHE_TRY(NewTmp(folder));
  LETHE_TRY(Mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
  LETHE_TRY(Mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=666"));
  LETHE_TRY(Mount("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
  LETHE_TRY(LinkStandardStreams());
  LETHE_TRY(AllControllers());
  return LoopbackUp();
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& string : strings) out.push_back(string.data());
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void BecomeCommand(Description description) {
  const Fd log(::open("/lethe-result/log", O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644));
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!log || !null || ::dup2(null.get(), 0) < 0 || ::dup2(log.get(), 1) < 0 ||
      ::dup2(log.get(), 2) < 0) {
    ::_exit(126);
  }
  const std::vector<char*> argv = Pointers(description.arguments);
  const std::vector<char*> env = Pointers(description.environment);
  environ = const_cast<char**>(env.data());  // where execvp looks for PATH
  if (::chdir(description.folder.c_str()) == 0) ::execvp(argv[0], argv.data());
  (void)WriteAll(2, IoError("starting", description.arguments[0]).message + "\n", "log");
  ::_exit(127);
}

// The files of `folder` to the result.
Status CopyResult(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    fs::copy_file(entry.path(), fs::path(kResult) / entry.path().filename(), error);
    if (error) break;
  }
  if (error) return Error{ErrorCode::kIo, "copying the result: " + error.message()};
  return {};
}

Status Run() {
  const std::string text = LETHE_TRY(ReadFile("/command", 1 << 20));
  const Description description = LETHE_TRY(ParseDescription(text));
  LETHE_TRY(MountAll());
  LETHE_TRY(SwitchRoot());
  if (description.server) LETHE_TRY(BecomeServer(description.folder));
  const pid_t child = ::fork();
  if (child < 0) return IoError("forking for", description.arguments[0]);
  if (child == 0) BecomeCommand(description);
  int status = 0;
  // Orphans of the command become children of PID 1.
  while (true) {
    const pid_t ended = ::wait(&status);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return IoError("waiting for", description.arguments[0]);
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code == 0 && !description.keep.empty()) LETHE_TRY(CopyResult(description.keep));
  return WriteFileAtomic("/lethe-result/exit-code", std::to_string(code) + "\n");
}

}  // namespace
}  // namespace lethe

int main() {
  // Anywhere else it would mount over a running system and power it off.
  if (::getpid() != 1) return 2;
  const auto status = lethe::Run();
  if (!status) {
    (void)lethe::WriteFileAtomic("/lethe-result/problem", status.error().message);
    (void)lethe::WriteAll(2, status.error().message + "\n", "console");
  }
  ::sync();
  ::reboot(RB_POWER_OFF);
  while (true) ::pause();
}
