// The probe looks into an untouched release image. It is started by rdinit=/probe from one more
// cpio behind the image's initrd, leaves an observer behind, removes every trace of itself, and
// becomes the image's own /init. It is no back door: it needs control of the boot.
//
// The observer answers on the virtio port "lethe.probe". A request is one line, fields separated by
// tabs; an answer is "<status> <bytes>\n" and that many bytes; status 0 is success, else an errno.
//   read PATH         a file as PID 1 sees it, at most 64 MiB
//   proc PATH         a file of /proc
//   list DIRECTORY    names in a folder as PID 1 sees it, one per line
//   stat PATH         "type mode uid gid size major:minor", not following a symbolic link
//   run ARGV…         a program in PID 1's world; status is its exit code, the bytes its output
//   processes         per process: pid, program, then for 0, 1, 2 what each descriptor is
//   fds               per open descriptor of every process: pid, number, what it is
//   mounts            /proc/1/mountinfo
//   self              the observer's pid: `processes` and `fds` hide nothing, not even it
//   ping

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "base/strings.h"

namespace lethe::probe {
namespace {

constexpr const char* kPort = "lethe.probe";

// Some files of /dev and /proc never end.
constexpr size_t kMaxAnswer = 64U << 20;

std::string ReadAll(int fd) {
  std::string out;
  char buffer[65536];
  ssize_t n = 0;
  while (out.size() < kMaxAnswer && (n = ::read(fd, buffer, sizeof buffer)) > 0)
    out.append(buffer, static_cast<size_t>(n));
  return out;
}

// Finds the port in sysfs and makes a device node of our own for it.
Fd OpenPort() {
  ::mkdir("/.probe", 0700);
  ::mount("sysfs", "/.probe", "sysfs", 0, nullptr);
  Fd port;
  for (int attempt = 0; attempt < 100 && !port; ++attempt) {
    DIR* dir = ::opendir("/.probe/class/virtio-ports");
    while (dirent* entry = dir != nullptr ? ::readdir(dir) : nullptr) {
      const std::string base = std::string("/.probe/class/virtio-ports/") + entry->d_name;
      const auto name = ReadFile(base + "/name", 4096);
      const auto dev = ReadFile(base + "/dev", 4096);
      if (!name || !dev || Trim(*name) != kPort) continue;
      const auto numbers = Split(Trim(*dev), ':');
      const auto major_number = ParseUnsigned<unsigned>(numbers[0]);
      const auto minor_number =
          numbers.size() == 2 ? ParseUnsigned<unsigned>(numbers[1]) : std::nullopt;
      if (!major_number || !minor_number) continue;
      ::mknod("/.port", S_IFCHR | 0600, makedev(*major_number, *minor_number));
      port = Fd(::open("/.port", O_RDWR | O_CLOEXEC));
      ::unlink("/.port");
    }
    if (dir != nullptr) ::closedir(dir);
    if (!port) ::usleep(50000);
  }
  ::umount2("/.probe", MNT_DETACH);
  return port;
}

Fd OpenProc() {
  ::mount("proc", "/.probe", "proc", 0, nullptr);
  Fd proc(::open("/.probe", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ::umount2("/.probe", MNT_DETACH);  // the descriptor keeps it, no mount table shows it
  ::rmdir("/.probe");
  return proc;
}

struct Answer {
  int status = 0;
  std::string bytes;
};

class Observer {
 public:
  Observer(Fd port, Fd proc) : port_(std::move(port)), proc_(std::move(proc)) {}

  [[noreturn]] void Serve() {
    std::string pending;
    while (true) {
      char buffer[4096];
      const ssize_t n = ::read(port_.get(), buffer, sizeof buffer);
      if (n <= 0) {
        ::usleep(50000);  // nobody is connected on the other side
        continue;
      }
      pending.append(buffer, static_cast<size_t>(n));
      for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        const std::string line = pending.substr(0, end);
        pending.erase(0, end + 1);
        const Answer answer = Handle(line);
        const std::string head =
            std::to_string(answer.status) + " " + std::to_string(answer.bytes.size()) + "\n";
        (void)WriteAll(port_.get(), head + answer.bytes, "port");
      }
    }
  }

 private:
  Answer Handle(const std::string& line) {
    const auto fields = Split(line, '\t');
    if (fields[0] == "ping") return {0, "pong"};
    if (fields[0] == "read" && fields.size() == 2) return ReadAt("1/root" + std::string(fields[1]));
    if (fields[0] == "proc" && fields.size() == 2) return ReadAt(std::string(fields[1]));
    if (fields[0] == "mounts") return ReadAt("1/mountinfo");
    if (fields[0] == "self") return {0, std::to_string(::getpid())};
    if (fields[0] == "list" && fields.size() == 2) return List(std::string(fields[1]));
    if (fields[0] == "stat" && fields.size() == 2) return Stat(std::string(fields[1]));
    if (fields[0] == "processes") return Processes();
    if (fields[0] == "fds") return Descriptors();
    if (fields[0] == "run" && fields.size() > 1)
      return RunProgram({fields.begin() + 1, fields.end()});
    return {1, "unknown request"};
  }

  Answer ReadAt(const std::string& path) {
    const Fd fd(::openat(proc_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return {errno, std::strerror(errno)};
    return {0, ReadAll(fd.get())};
  }

  // Names in a folder of /proc, but for "." and ".."; errno where it cannot be read.
  int Names(const std::string& path, std::vector<std::string>& names) {
    const int fd = ::openat(proc_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* dir = fd >= 0 ? ::fdopendir(fd) : nullptr;
    if (dir == nullptr) return errno;
    while (const dirent* entry = ::readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    ::closedir(dir);
    return 0;
  }

  Answer List(const std::string& path) {
    std::vector<std::string> names;
    if (const int error = Names("1/root" + path, names)) return {error, std::strerror(error)};
    std::sort(names.begin(), names.end());
    Answer answer;
    for (const std::string& name : names) answer.bytes += name + "\n";
    return answer;
  }

  Answer Stat(const std::string& path) {
    struct stat info {};
    const std::string place = "1/root" + path;
    if (::fstatat(proc_.get(), place.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return {errno, std::strerror(errno)};
    }
    const char* type = S_ISREG(info.st_mode)    ? "file"
                       : S_ISDIR(info.st_mode)  ? "directory"
                       : S_ISLNK(info.st_mode)  ? "symlink"
                       : S_ISCHR(info.st_mode)  ? "character"
                       : S_ISBLK(info.st_mode)  ? "block"
                       : S_ISFIFO(info.st_mode) ? "fifo"
                                                : "socket";
    char text[160];
    std::snprintf(text, sizeof text, "%s %04o %u %u %lld %u:%u", type, info.st_mode & 07777,
                  info.st_uid, info.st_gid, static_cast<long long>(info.st_size),
                  major(info.st_rdev), minor(info.st_rdev));
    return {0, text};
  }

  // "null" for /dev/null as told by its device number, else the link's text.
  std::string Describe(const std::string& pid, const std::string& fd) {
    const std::string path = pid + "/fd/" + fd;
    struct stat info {};
    if (::fstatat(proc_.get(), path.c_str(), &info, 0) != 0) return "closed";
    if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return "null";
    char link[512] = {};
    return ::readlinkat(proc_.get(), path.c_str(), link, sizeof link - 1) > 0 ? link : "unreadable";
  }

  // Every process but the kernel's own threads, which have no program. Zombies have none either.
  struct Program {
    std::string pid;
    std::string exe;
  };
  std::vector<Program> Programs() {
    std::vector<std::string> names;
    (void)Names(".", names);
    std::vector<Program> programs;
    for (const std::string& pid : names) {
      if (!ParseUnsigned<int>(pid)) continue;
      char exe[512] = {};
      if (::readlinkat(proc_.get(), (pid + "/exe").c_str(), exe, sizeof exe - 1) <= 0) continue;
      programs.push_back({pid, exe});
    }
    return programs;
  }

  Answer Processes() {
    Answer answer;
    for (const Program& program : Programs()) {
      answer.bytes += program.pid + "\t" + program.exe;
      for (const char* fd : {"0", "1", "2"}) answer.bytes += "\t" + Describe(program.pid, fd);
      answer.bytes += "\n";
    }
    return answer;
  }

  Answer Descriptors() {
    Answer answer;
    for (const Program& program : Programs()) {
      std::vector<std::string> names;
      (void)Names(program.pid + "/fd", names);  // nothing where it has just ended
      for (const std::string& fd : names) {
        answer.bytes += program.pid + "\t" + fd + "\t" + Describe(program.pid, fd) + "\n";
      }
    }
    return answer;
  }

  Answer RunProgram(std::vector<std::string_view> argv) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return {errno, "pipe"};
    const pid_t child = ::fork();
    if (child == 0) {
      std::vector<std::string> strings(argv.begin(), argv.end());
      std::vector<char*> pointers;
      for (auto& s : strings) pointers.push_back(s.data());
      pointers.push_back(nullptr);
      char path[] = "PATH=/usr/sbin:/usr/bin";
      char* env[] = {path, nullptr};
      const int root = ::openat(proc_.get(), "1/root", O_PATH | O_CLOEXEC);
      if (::fchdir(root) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0) ::_exit(126);
      const int null = ::open("/dev/null", O_RDONLY);
      ::dup2(null, 0);
      ::dup2(fds[1], 1);
      ::dup2(fds[1], 2);
      ::execve(pointers[0], pointers.data(), env);
      ::_exit(127);
    }
    ::close(fds[1]);
    Answer answer{0, ReadAll(fds[0])};
    ::close(fds[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return answer;
  }

  Fd port_;
  Fd proc_;
};

}  // namespace
}  // namespace lethe::probe

int main() {
  using namespace lethe::probe;
  if (::getpid() != 1) return 2;
  ::mknod("/.null", S_IFCHR | 0600, makedev(1, 3));
  lethe::Fd port = OpenPort();
  lethe::Fd proc = OpenProc();
  if (port && proc && ::fork() == 0) {
    const int null = ::open("/.null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::unlink("/.null");
    ::setsid();
    Observer(std::move(port), std::move(proc)).Serve();
  }
  ::usleep(100000);
  ::unlink("/.null");
  ::unlink("/probe");
  char name[] = "/init";
  char* argv[] = {name, nullptr};
  char* env[] = {nullptr};
  ::execve(name, argv, env);
  return 1;
}
