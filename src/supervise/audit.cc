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

constexpr uint64_t kMaxTableBytes = 4U << 20;
constexpr std::string_view kDatagram = "0002", kConnected = "03";  // in /proc/net/unix

// Of the kernel's admin-guide/devices.txt; harmless are null, zero, full, random and urandom.
constexpr unsigned kMemoryMajor = 1, kNull = 3;
constexpr unsigned kHarmless[] = {kNull, 5, 7, 8, 9};

bool IsHarmless(dev_t device) {
  return major(device) == kMemoryMajor && std::find(std::begin(kHarmless), std::end(kHarmless),
                                                    minor(device)) != std::end(kHarmless);
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

constexpr SocketKind kNetlinkKinds[] = {SocketKind::kNetlinkRoute, SocketKind::kNetlinkXfrm,
                                        SocketKind::kNetlinkNetfilter, SocketKind::kNetlinkGeneric};

std::optional<SocketKind> KindOfNetlink(std::string_view protocol) {
  if (protocol == "0") return SocketKind::kNetlinkRoute;
  if (protocol == "6") return SocketKind::kNetlinkXfrm;
  if (protocol == "12") return SocketKind::kNetlinkNetfilter;
  if (protocol == "16") return SocketKind::kNetlinkGeneric;
  return {};
}

// How a descriptor was opened, as /proc/PID/fdinfo tells.
struct Opened {
  bool to_write = true;
  std::string mount;  // its number in mountinfo
};

// One process; what it opens and closes meanwhile is not seen.
class Look {
 public:
  Look(pid_t pid, const Service& service, const AuditAllowance& allowance)
      : folder_("/proc/" + std::to_string(pid)), service_(service), allowance_(allowance) {}

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
    switch (info.st_mode & S_IFMT) {
      case S_IFSOCK:
        return IsChannel(info.st_ino) || IsAllowedSocket(link, info.st_ino);
      case S_IFCHR:
        return IsHarmless(info.st_rdev) || IsGivenDevice(info.st_rdev);
      case S_IFBLK:
        return false;
      case S_IFREG:
      case S_IFIFO:
        return IsSealedFile(number, link);
      default:
        return true;  // folders, event descriptors
    }
  }

  bool IsOutput(const struct stat& info) const {
    if (S_ISCHR(info.st_mode)) return info.st_rdev == makedev(kMemoryMajor, kNull);
    return S_ISFIFO(info.st_mode) && allowance_.output_inode != 0 &&
           info.st_ino == allowance_.output_inode;
  }

  bool IsGivenDevice(dev_t device) const {
    const auto& given = service_.sandbox.devices;
    return std::any_of(given.begin(), given.end(), [&](const std::string& path) {
      struct stat info {};
      return ::stat(path.c_str(), &info) == 0 && info.st_rdev == device;
    });
  }

  bool IsSealedFile(int number, const fs::path& link) const {
    std::error_code error;
    // "pipe:[…]" and the like have no name by which others find them; memory has one.
    if (!fs::read_symlink(link, error).string().starts_with("/")) return true;
    const auto opened = HowOpened(number);
    return !opened || !opened->to_write || IsWritableMount(opened->mount);
  }

  // Nothing where it was closed meanwhile.
  std::optional<Opened> HowOpened(int number) const {
    const auto text = ReadFile(folder_ / "fdinfo" / std::to_string(number), 1 << 16);
    if (!text) return {};
    Opened opened;
    for (const auto line : Lines(*text)) {
      const auto words = Words(line);
      if (words.size() != 2) continue;
      if (words[0] == "flags:") {
        const auto flags = ParseUnsigned<unsigned>(words[1], 8);
        opened.to_write = !flags || (*flags & O_ACCMODE) != O_RDONLY;
      }
      if (words[0] == "mnt_id:") opened.mount = words[1];
    }
    return opened;
  }

  // By the mount, as it stands in the process's own list: a path could be that of another file.
  bool IsWritableMount(const std::string& mount) const {
    const auto text = ReadFile(folder_ / "mountinfo", kMaxTableBytes);
    if (!text) return false;
    for (const auto line : Lines(*text)) {
      const auto words = Words(line);
      const auto dash = std::find(words.begin(), words.end(), "-");
      if (words[0] != mount || words.end() - dash < 3) continue;
      const std::string where(words[4]);
      const auto& scratch = service_.sandbox.scratch;
      if (dash[1] == "tmpfs" && dash[2] == "scratch")
        return std::find(scratch.begin(), scratch.end(), where) != scratch.end();
      return dash[1] == "proc" && where == "/proc/sys/net" &&
             service_.sandbox.proc == ProcView::kAll;
    }
    return false;
  }

  bool IsChannel(ino_t inode) const {
    const auto& channels = allowance_.channels;
    return std::find(channels.begin(), channels.end(), inode) != channels.end();
  }

  // Not by a copy of the socket: where kernel.yama.ptrace_scope is 3 nobody gets one.
  bool IsAllowedSocket(const fs::path& link, ino_t inode) const {
    char name[32] = {};
    if (::getxattr(link.c_str(), "system.sockprotoname", name, sizeof name - 1) < 0)
      return errno == ENOENT;  // closed meanwhile
    if (std::string_view(name) == "NETLINK") return IsAllowedNetlink(inode);
    const auto* known = std::find_if(std::begin(kSocketNames), std::end(kSocketNames),
                                     [&](const SocketName& one) { return one.name == name; });
    if (known == std::end(kSocketNames)) return false;
    return MayUse(known->kind) || (known->kind == SocketKind::kUnix && IsHalfOfAPair(inode));
  }

  // Connected, without a name, and no datagram socket: the filter gives no other of that kind.
  bool IsHalfOfAPair(ino_t inode) const {
    const auto text = ReadFile(folder_ / "net/unix", kMaxTableBytes);
    if (!text) return false;
    for (const auto line : Lines(*text)) {
      // num, references, protocol, flags, type, state, inode, and its name where it has one
      const auto words = Words(line);
      if (words.size() == 7 && words[6] == std::to_string(inode))
        return words[4] != kDatagram && words[5] == kConnected;
    }
    return false;
  }

  bool IsAllowedNetlink(ino_t inode) const {
    const auto text = ReadFile(folder_ / "net/netlink", kMaxTableBytes);
    if (!text) return false;
    for (const auto line : Lines(*text)) {
      const auto words = Words(line);  // sk, protocol, pid, …, inode
      if (words.size() < 3 || words.back() != std::to_string(inode)) continue;
      const auto kind = KindOfNetlink(words[1]);
      return kind && MayUse(*kind);
    }
    // It stands there from its first word on.
    return std::any_of(std::begin(kNetlinkKinds), std::end(kNetlinkKinds),
                       [&](SocketKind kind) { return MayUse(kind); });
  }

  bool MayUse(SocketKind kind) const {
    const auto& sockets = service_.sandbox.sockets;
    return std::find(sockets.begin(), sockets.end(), kind) != sockets.end();
  }

  fs::path folder_;
  const Service& service_;
  const AuditAllowance& allowance_;
};

}  // namespace

Result<AuditCounts> AuditDescriptors(const std::vector<pid_t>& processes, const Service& service,
                                     const AuditAllowance& allowance) {
  AuditCounts counts;
  for (const pid_t pid : processes) {
    const auto unsealed = Look(pid, service, allowance).CountUnsealed();
    if (!unsealed) continue;
    ++counts.processes;
    counts.unsealed += *unsealed;
  }
  return counts;
}

}  // namespace lethe::supervise
