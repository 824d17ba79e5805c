// lethe-guest-init: PID 1 of the virtual machine in which `lethe image reproduce --guest` builds.
// The host's root comes read-only over virtio-9p, memory lies on top of it; what was built, what
// was said and the exit code go to a second shared folder. Then the machine powers off.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
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

// Becomes the program that the first lines of `text` name: work folder, then its arguments.
[[noreturn]] void BecomeBuild(const std::string& text) {
  const Fd log(::open("/lethe-result/log", O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644));
  std::vector<std::string> words;
  for (const std::string_view line : Lines(text)) words.emplace_back(line);
  if (words.size() < 2 || !log || ::dup2(log.get(), 1) < 0 || ::dup2(log.get(), 2) < 0 ||
      ::chdir(words[0].c_str()) != 0) {
    ::_exit(126);
  }
  std::vector<char*> argv;
  for (size_t i = 1; i < words.size(); ++i) argv.push_back(words[i].data());
  argv.push_back(nullptr);
  std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::string home = "HOME=" + words[0];
  std::string temporary = "TMPDIR=" + words[0];
  char* env[] = {path.data(), home.data(), temporary.data(), nullptr};
  ::execve(argv[0], argv.data(), env);
  ::_exit(127);
}

// `folder`/out to the result.
Status CopyResult(const std::string& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder + "/out", error)) {
    fs::copy_file(entry.path(), fs::path(kResult) / entry.path().filename(), error);
    if (error) break;
  }
  if (error) return Error{ErrorCode::kIo, "copying what was built: " + error.message()};
  return {};
}

Status Run() {
  const std::string text = LETHE_TRY(ReadFile("/command", 1 << 20));
  LETHE_TRY(MountAll());
  LETHE_TRY(SwitchRoot());
  const pid_t child = ::fork();
  if (child < 0) return IoError("forking for", "the build");
  if (child == 0) BecomeBuild(text);
  int status = 0;
  // Orphans of the build become children of PID 1.
  while (true) {
    const pid_t ended = ::wait(&status);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) return IoError("waiting for", "the build");
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code == 0) LETHE_TRY(CopyResult(std::string(Lines(text)[0])));
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
