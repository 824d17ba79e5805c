#include "supervise/audit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMemoryMajor = 1;  // linux/Documentation/admin-guide/devices.txt
constexpr unsigned kNull = 3;

bool IsMemoryDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) && major(info.st_rdev) == kMemoryMajor;
}

std::optional<SocketKind> KindOf(int family, int protocol) {
  switch (family) {
    case AF_INET:
      return SocketKind::kInet;
    case AF_INET6:
      return SocketKind::kInet6;
    case AF_UNIX:
      return SocketKind::kUnix;
    case AF_PACKET:
      return SocketKind::kPacket;
    case AF_KEY:
      return SocketKind::kKey;
    case AF_ALG:
      return SocketKind::kAlg;
    case AF_PPPOX:
      return SocketKind::kPppox;
    case AF_NETLINK:
      switch (protocol) {
        case 0:
          return SocketKind::kNetlinkRoute;
        case 6:
          return SocketKind::kNetlinkXfrm;
        case 12:
          return SocketKind::kNetlinkNetfilter;
        case 16:
          return SocketKind::kNetlinkGeneric;
        default:
          return {};
      }
    default:
      return {};
  }
}

// One process; what it opens and closes meanwhile is not seen.
class Look {
 public:
  Look(pid_t pid, const Service& service, ino_t output_inode)
      : folder_("/proc/" + std::to_string(pid)), service_(service), output_inode_(output_inode) {
    pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }

  // Nothing where the process ended.
  std::optional<unsigned> CountUnsealed() {
    std::error_code error;
    unsigned unsealed = 0;
    fs::directory_iterator it(folder_ / "fd", error);
    if (error) return {};
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      const auto number = ParseUnsigned<int>(it->path().filename().string());
      if (number && !IsSealed(*number, it->path())) ++unsealed;
    }
    return unsealed;
  }

 private:
  bool IsSealed(int number, const fs::path& link) {
    struct stat info {};
    if (::stat(link.c_str(), &info) != 0) return true;  // closed meanwhile
    if (number <= 2) return IsOutput(info);
    if (S_ISSOCK(info.st_mode)) return IsAllowedSocket(number);
    if (S_ISCHR(info.st_mode)) return IsMemoryDevice(info) || IsGivenDevice(info);
    if (S_ISREG(info.st_mode)) return !IsOpenForWriting(number) || IsScratch(link);
    return true;  // pipes, event descriptors, folders
  }

  bool IsOutput(const struct stat& info) const {
    if (IsMemoryDevice(info) && minor(info.st_rdev) == kNull) return true;
    return output_inode_ != 0 && S_ISFIFO(info.st_mode) && info.st_ino == output_inode_;
  }

  bool IsGivenDevice(const struct stat& info) const {
    return std::any_of(service_.sandbox.devices.begin(), service_.sandbox.devices.end(),
                       [&](const std::string& path) {
                         struct stat device {};
                         return ::stat(path.c_str(), &device) == 0 &&
                                device.st_rdev == info.st_rdev;
                       });
  }

  bool IsOpenForWriting(int number) const {
    const auto text = ReadFile(folder_ / "fdinfo" / std::to_string(number), 1 << 16);
    if (!text) return false;  // closed meanwhile
    for (const auto line : Lines(*text)) {
      if (!line.starts_with("flags:")) continue;
      const auto flags = ParseUnsigned<unsigned>(Trim(line.substr(6)), 8);
      return !flags || (*flags & O_ACCMODE) != O_RDONLY;
    }
    return true;
  }

  // By its path there: scratch folders are file systems in which only the service writes.
  bool IsScratch(const fs::path& link) const {
    std::error_code error;
    const std::string path = fs::read_symlink(link, error).string();
    return std::any_of(service_.sandbox.scratch.begin(), service_.sandbox.scratch.end(),
                       [&](const std::string& scratch) { return path.starts_with(scratch + "/"); });
  }

  bool IsAllowedSocket(int number) const {
    const Fd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd_.get(), number, 0)));
    if (!copy) return errno == EBADF || errno == ESRCH;  // closed meanwhile
    int family = 0, protocol = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(copy.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return false;
    size = sizeof protocol;
    if (::getsockopt(copy.get(), SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0) return false;
    // A pair of its own, or a channel that its manager gave it: neither side has a name.
    if (family == AF_UNIX && IsUnnamedPair(copy.get())) return true;
    const auto kind = KindOf(family, protocol);
    const auto& sockets = service_.sandbox.sockets;
    return kind && std::find(sockets.begin(), sockets.end(), *kind) != sockets.end();
  }

  static bool IsUnnamedPair(int socket) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &size) != 0 ||
        size > sizeof(sa_family_t))
      return false;
    size = sizeof name;
    return ::getsockname(socket, reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
           size <= sizeof(sa_family_t);
  }

  fs::path folder_;
  const Service& service_;
  ino_t output_inode_;
  Fd pidfd_;
};

}  // namespace

Result<AuditCounts> AuditDescriptors(const std::vector<pid_t>& processes, const Service& service,
                                     ino_t output_inode) {
  AuditCounts counts;
  for (const pid_t pid : processes) {
    const auto unsealed = Look(pid, service, output_inode).CountUnsealed();
    if (!unsealed) continue;
    ++counts.processes;
    counts.unsealed += *unsealed;
  }
  return counts;
}

}  // namespace lethe::supervise
