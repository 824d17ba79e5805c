#include "image/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kIds = 65536;  // ids 0 to 65535 exist inside

Error SystemError(std::string_view doing) {
  return Error{ErrorCode::kIo, std::string(doing) + ": " + std::strerror(errno)};
}

// The subordinate range of this user in /etc/subuid or /etc/subgid ("name:first:count").
Result<uint64_t> SubordinateRange(const char* file) {
  const std::string text = LETHE_TRY(ReadFile(file, 1 << 20));
  const char* user = ::getlogin();
  const std::string id = std::to_string(::getuid());
  const char* env_user = ::secure_getenv("USER");
  for (const std::string_view line : Lines(text)) {
    const auto fields = Split(line, ':');
    if (fields.size() != 3) continue;
    const bool ours = fields[0] == id || (user != nullptr && fields[0] == user) ||
                      (env_user != nullptr && fields[0] == env_user);
    const auto first = ParseUnsigned<uint64_t>(fields[1]);
    const auto count = ParseUnsigned<uint64_t>(fields[2]);
    if (ours && first && count && *count >= kIds - 1) return *first;
  }
  return Error{ErrorCode::kUnavailable,
               std::string(file) +
                   " gives this user no range of 65536 ids: run "
                   "'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " +
                   id + "' as root"};
}

// Maps the ids of a child that waits in its new user namespace.
Status MapIds(pid_t child) {
  const std::string proc = "/proc/" + std::to_string(child);
  if (::geteuid() == 0) {
    const std::string map = "0 0 " + std::to_string(kIds) + "\n";
    for (const char* file : {"/gid_map", "/uid_map"}) {
      const Fd fd = LETHE_TRY(OpenFile(proc + file, O_WRONLY));
      LETHE_TRY(WriteAll(fd.get(), map, proc + file));
    }
    return {};
  }
  const struct {
    const char* program;
    const char* file;
    uint64_t own;
  } kMaps[] = {{"newuidmap", "/etc/subuid", ::getuid()}, {"newgidmap", "/etc/subgid", ::getgid()}};
  for (const auto& map : kMaps) {
    const uint64_t first = LETHE_TRY(SubordinateRange(map.file));
    const auto mapped =
        RunChecked({.argv = {map.program, std::to_string(child), "0", std::to_string(map.own), "1",
                             "1", std::to_string(first), std::to_string(kIds - 1)}});
    if (!mapped) {
      return Error{ErrorCode::kUnavailable,
                   "mapping ids (install the package uidmap): " + mapped.error().message};
    }
  }
  return {};
}

// A child that has unshared its user namespace and waits until its ids are mapped.
struct Handshake {
  Fd child_ready_read, child_ready_write;
  Fd mapped_read, mapped_write;

  static Result<Handshake> Create() {
    int ready[2];
    int mapped[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return SystemError("creating a pipe");
    Handshake h{Fd(ready[0]), Fd(ready[1]), Fd(), Fd()};
    if (::pipe2(mapped, O_CLOEXEC) != 0) return SystemError("creating a pipe");
    h.mapped_read = Fd(mapped[0]);
    h.mapped_write = Fd(mapped[1]);
    return h;
  }

  // In the child. Returns an errno, 0 for success.
  int EnterNamespaces(int flags) {
    if (::unshare(flags) != 0) return errno;
    char byte = 'r';
    if (::write(child_ready_write.get(), &byte, 1) != 1) return EPIPE;
    child_ready_write.Close();
    mapped_write.Close();
    if (::read(mapped_read.get(), &byte, 1) != 1) return EPERM;  // the parent gave up
    if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
      return errno;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
  }

  // In the parent.
  Status Complete(pid_t child) {
    child_ready_write.Close();
    mapped_read.Close();
    char byte = 0;
    if (::read(child_ready_read.get(), &byte, 1) != 1) {
      return Error{ErrorCode::kUnavailable,
                   "this kernel does not let us create user namespaces (see "
                   "kernel.unprivileged_userns_clone and user.max_user_namespaces)"};
    }
    LETHE_TRY(MapIds(child));
    if (::write(mapped_write.get(), &byte, 1) != 1) return SystemError("starting the sandbox");
    return {};
  }
};

// Waits for a child; its exit code, 128 + signal where one ended it.
int WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int BindMount(const std::string& from, const std::string& to, bool writable) {
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return errno;
  if (writable) return 0;
  // A read-only remount inside a user namespace must keep the flags that the host locked.
  for (const unsigned long keep :
       {0UL, static_cast<unsigned long>(MS_NODEV), static_cast<unsigned long>(MS_NODEV | MS_NOSUID),
        static_cast<unsigned long>(MS_NODEV | MS_NOSUID | MS_NOEXEC),
        static_cast<unsigned long>(MS_NOSUID)}) {
    if (::mount(nullptr, to.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | keep, nullptr) ==
        0) {
      return 0;
    }
  }
  return errno;
}

// Prepares the file system of the child and makes `root` its "/". Returns what failed, or nothing.
std::string EnterRoot(const RootCommand& command) {
  const std::string root = command.root.string();
  const auto failed = [](const std::string& what) { return what + ": " + std::strerror(errno); };
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("private /");
  if (errno = BindMount(root, root, command.root_writable); errno != 0)
    return failed("bind " + root);
  const std::string dev = root + "/dev";
  if (::mount("tmpfs", dev.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755") != 0) {
    return failed("mount " + dev);
  }
  for (const char* node : {"null", "zero", "full", "random", "urandom"}) {
    const std::string to = dev + "/" + node;
    const Fd created(::open(to.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
    if (!created) return failed("create " + to);
    if (errno = BindMount(std::string("/dev/") + node, to, true); errno != 0)
      return failed("bind " + to);
  }
  for (const auto& [target, name] : {std::pair{"/proc/self/fd", "/fd"},
                                     {"/proc/self/fd/0", "/stdin"},
                                     {"/proc/self/fd/1", "/stdout"},
                                     {"/proc/self/fd/2", "/stderr"}}) {
    if (::symlink(target, (dev + name).c_str()) != 0)
      return failed(std::string("link /dev") + name);
  }
  if (::mkdir((dev + "/shm").c_str(), 01777) != 0) return failed("create /dev/shm");
  const std::string tmp = root + "/tmp";
  if (::mount("tmpfs", tmp.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0) {
    return failed("mount " + tmp);
  }
  for (const Bind& bind : command.binds) {
    const std::string to = root + bind.guest;
    std::error_code ignored;
    fs::create_directories(to, ignored);
    if (errno = BindMount(bind.host.string(), to, bind.writable); errno != 0)
      return failed("bind " + to);
  }
  const std::string proc = root + "/proc";
  if (::mount("proc", proc.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return failed("mount " + proc);
  }
  if (::chdir(root.c_str()) != 0) return failed("enter " + root);
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot to " + root);
  if (::umount2(".", MNT_DETACH) != 0) return failed("detach the old root");
  if (::chdir(command.cwd.c_str()) != 0) return failed("enter " + command.cwd);
  return {};
}

// PID 1 of the sandbox: prepares the root, then becomes the program.
[[noreturn]] void BecomeProgram(const RootCommand& command, int in, int out, int err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed build leaves nothing running
  const std::string problem = EnterRoot(command);
  if (!problem.empty() || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
    (void)!::write(err, problem.data(), problem.size());
    ::_exit(126);
  }
  (void)!::sethostname("lethe", 5);
  ::umask(022);
  const rlimit files{1024, 1024};
  ::setrlimit(RLIMIT_NOFILE, &files);
  const rlimit core{0, 0};
  ::setrlimit(RLIMIT_CORE, &core);
  ::signal(SIGPIPE, SIG_DFL);
  std::vector<std::string> env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
      "LC_ALL=C.UTF-8", "TZ=UTC"};
  for (const auto& [key, value] : command.env) env.push_back(key + "=" + value);
  std::vector<char*> env_pointers;
  for (auto& entry : env) env_pointers.push_back(entry.data());
  env_pointers.push_back(nullptr);
  std::vector<std::string> argv = command.argv;
  std::vector<char*> argv_pointers;
  for (auto& argument : argv) argv_pointers.push_back(argument.data());
  argv_pointers.push_back(nullptr);
  ::setenv("PATH", env[0].c_str() + 5, 1);
  ::execvpe(argv_pointers[0], argv_pointers.data(), env_pointers.data());
  const std::string message = "starting " + argv[0] + ": " + std::strerror(errno);
  (void)!::write(2, message.data(), message.size());
  ::_exit(127);
}

// The middle process: owns the namespaces, forks PID 1 of the sandbox and reports its exit code.
[[noreturn]] void RunSandbox(const RootCommand& command, Handshake& handshake) {
  constexpr int kNamespaces =
      CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  if (handshake.EnterNamespaces(kNamespaces) != 0) ::_exit(125);
  // Other threads' pipes: as long as a copy is open here, their readers see no end.
  ::close_range(3, ~0U, 0);
  const pid_t child = ::fork();
  if (child == 0) BecomeProgram(command, 0, 1, 2);
  ::_exit(child < 0 ? 125 : WaitFor(child));
}

// A status as text, ended by a zero byte: the pipe's end may come late, when another thread has
// forked meanwhile.
std::string StatusText(const Status& status) {
  std::string text = "ok";
  if (!status) {
    text = static_cast<char>('A' + static_cast<int>(status.error().code));
    text += status.error().message;
  }
  return text + '\0';
}

Status ReadStatus(int fd) {
  std::string text;
  char buffer[4096];
  while (text.empty() || text.back() != '\0') {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Error{ErrorCode::kIo, "the sandboxed step was killed"};
    text.append(buffer, static_cast<size_t>(n));
  }
  text.pop_back();
  if (text == "ok") return {};
  return Error{static_cast<ErrorCode>(text[0] - 'A'), text.substr(1)};
}

Result<Fd> MemoryFile(std::string_view content) {
  Fd fd(::memfd_create("lethe-run", MFD_CLOEXEC));
  if (!fd) return SystemError("creating a file in memory");
  LETHE_TRY(WriteAll(fd.get(), content, "a file in memory"));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return SystemError("rewinding a file in memory");
  return fd;
}

// From its beginning, wherever a writer left off.
Result<std::string> ReadMemory(int fd) { return ReadFile("/proc/self/fd/" + std::to_string(fd)); }

}  // namespace

Status RunAsFakeRoot(const std::function<Status()>& work) {
  Handshake handshake = LETHE_TRY(Handshake::Create());
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return SystemError("creating a pipe");
  const Fd read_end(fds[0]);
  Fd write_end(fds[1]);
  const pid_t child = ::fork();
  if (child < 0) return SystemError("forking");
  if (child == 0) {
    if (handshake.EnterNamespaces(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(125);
    ::umask(022);
    const std::string text = StatusText(work());
    (void)WriteAll(write_end.get(), text, "pipe");
    ::_exit(0);
  }
  write_end.Close();
  Status mapped = handshake.Complete(child);
  if (!mapped) {
    ::kill(child, SIGKILL);
    WaitFor(child);
    return mapped;
  }
  Status status = ReadStatus(read_end.get());
  WaitFor(child);
  return status;
}

Result<std::string> RunInRoot(const RootCommand& command) {
  // Output goes to memory, not pipes: nothing has to be pumped while the sandbox runs, and a killed
  // build leaves no files behind.
  Handshake handshake = LETHE_TRY(Handshake::Create());
  const Fd in = LETHE_TRY(MemoryFile(command.input));
  const Fd out = LETHE_TRY(MemoryFile({}));
  const Fd err = LETHE_TRY(MemoryFile({}));
  const pid_t child = ::fork();
  if (child < 0) return SystemError("forking");
  if (child == 0) {
    if (::dup2(in.get(), 0) < 0 || ::dup2(out.get(), 1) < 0 || ::dup2(err.get(), 2) < 0)
      ::_exit(125);
    RunSandbox(command, handshake);
  }
  Status mapped = handshake.Complete(child);
  if (!mapped) {
    ::kill(child, SIGKILL);
    WaitFor(child);
    return std::move(mapped).error();
  }
  const int exit_code = WaitFor(child);
  std::string stdout_text = LETHE_TRY(ReadMemory(out.get()));
  if (exit_code == 0) return stdout_text;
  const std::string stderr_text = LETHE_TRY(ReadMemory(err.get()));
  std::string_view tail = Trim(stderr_text.empty() ? stdout_text : stderr_text);
  constexpr size_t kTail = 4000;
  if (tail.size() > kTail) tail.remove_prefix(tail.size() - kTail);
  return Error{ErrorCode::kIo, command.argv[0] + " ended with exit code " +
                                   std::to_string(exit_code) + ": " + std::string(tail)};
}

}  // namespace lethe::image
