#include "supervise/audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

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

// By the protocol's name in the kernel (struct proto), which system.sockprotoname tells.
struct SocketName {
  std::string_view name;
  SocketKind kind;
};
constexpr SocketName kSocketNames[] = {
    {"TCP", SocketKind::kInet},      {"UDP", SocketKind::kInet},
    {"RAW", SocketKind::kInet},      {"PING", SocketKind::kInet},
    {"TCPv6", SocketKind::kInet6},   {"UDPv6", SocketKind::kInet6},
    {"RAWv6", SocketKind::kInet6},   {"PINGv6", SocketKind::kInet6},
    {"UNIX", SocketKind::kUnix},     {"UNIX-STREAM", SocketKind::kUnix},
    {"PACKET", SocketKind::kPacket}, {"KEY", SocketKind::kKey},
    {"ALG", SocketKind::kAlg},       {"PPPOL2TP", SocketKind::kPppox},
    {"PPPOE", SocketKind::kPppox},
};

std::optional<SocketKind> KindOfNetlink(std::string_view protocol) {
  if (protocol == "0") return SocketKind::kNetlinkRoute;
  if (protocol == "6") return SocketKind::kNetlinkXfrm;
  if (protocol == "12") return SocketKind::kNetlinkNetfilter;
  if (protocol == "16") return SocketKind::kNetlinkGeneric;
  return {};
}

// One process; what it opens and closes meanwhile is not seen.
class Look {
 public:
  Look(pid_t pid, const Service& service, ino_t output_inode)
      : folder_("/proc/" + std::to_string(pid)), service_(service), output_inode_(output_inode) {}

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
    if (S_ISSOCK(info.st_mode)) return IsAllowedSocket(link, info.st_ino);
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

  // Not by a copy of the socket: where kernel.yama.ptrace_scope is 3 nobody gets one.
  bool IsAllowedSocket(const fs::path& link, ino_t inode) const {
    char name[32] = {};
    if (::getxattr(link.c_str(), "system.sockprotoname", name, sizeof name - 1) < 0)
      return errno == ENOENT;  // closed meanwhile
    std::optional<SocketKind> kind;
    if (std::string_view(name) == "NETLINK") {
      // sk, protocol, pid, groups, …, inode
      kind = KindOfNetlink(FieldOfSocket("net/netlink", inode, 10, 9, 1).value_or(""));
    } else {
      for (const SocketName& known : kSocketNames)
        if (known.name == name) kind = known.kind;
    }
    // Half of a pair: its own, or a channel that its manager gave it. The filter allows
    // socketpair(2) and no other way to such a socket.
    if (kind == SocketKind::kUnix && IsNameless(inode)) return true;
    const auto& sockets = service_.sandbox.sockets;
    return kind && std::find(sockets.begin(), sockets.end(), *kind) != sockets.end();
  }

  // Connected, and neither named nor bound to a path.
  bool IsNameless(ino_t inode) const {
    return FieldOfSocket("net/unix", inode, 7, 6, 5) ==
           "03";  // SS_CONNECTED; a path would be an 8th
  }

  // Of the line of a table of /proc that has `columns` words, with the inode at `key`.
  std::optional<std::string> FieldOfSocket(const char* table, ino_t inode, size_t columns,
                                           size_t key, size_t field) const {
    const auto text = ReadFile(folder_ / table, 4U << 20);
    if (!text) return {};
    for (const auto line : Lines(*text)) {
      const auto words = Words(line);
      if (words.size() == columns && words[key] == std::to_string(inode))
        return std::string(words[field]);
    }
    return {};
  }

  fs::path folder_;
  const Service& service_;
  ino_t output_inode_;
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
