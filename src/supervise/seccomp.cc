#include "supervise/seccomp.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <tuple>

#include "base/fd.h"
#include "base/file.h"

namespace lethe::supervise {
namespace {

// What opens a sink, looks into others or changes the machine.
constexpr const char* kRefused[] = {"acct",
                                    "add_key",
                                    "adjtimex",
                                    "bpf",
                                    "clock_adjtime",
                                    "clock_settime",
                                    "delete_module",
                                    "fanotify_init",
                                    "finit_module",
                                    "fsconfig",
                                    "fsmount",
                                    "fsopen",
                                    "fspick",
                                    "get_mempolicy",
                                    "init_module",
                                    "io_uring_enter",
                                    "io_uring_register",
                                    "io_uring_setup",
                                    "iopl",
                                    "ioperm",
                                    "kcmp",
                                    "kexec_file_load",
                                    "kexec_load",
                                    "keyctl",
                                    "lookup_dcookie",
                                    "mbind",
                                    "memfd_create",
                                    "memfd_secret",
                                    "migrate_pages",
                                    "mount",
                                    "mount_setattr",
                                    "move_mount",
                                    "move_pages",
                                    "name_to_handle_at",
                                    "open_by_handle_at",
                                    "open_tree",
                                    "perf_event_open",
                                    "pidfd_getfd",
                                    "pivot_root",
                                    "process_madvise",
                                    "process_vm_readv",
                                    "process_vm_writev",
                                    "ptrace",
                                    "quotactl",
                                    "quotactl_fd",
                                    "reboot",
                                    "request_key",
                                    "set_mempolicy",
                                    "setdomainname",
                                    "sethostname",
                                    "setns",
                                    "settimeofday",
                                    "stime",
                                    "swapoff",
                                    "swapon",
                                    "syslog",
                                    "umount2",
                                    "unshare",
                                    "userfaultfd",
                                    "vhangup"};

constexpr uint64_t kNewNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr int kFamilies = 64;          // more than any kernel has
constexpr int kNetlinkProtocols = 32;  // MAX_LINKS

struct Release {
  void operator()(scmp_filter_ctx filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Of socket(2): the kernel reads ints, so the upper halves of registers may hold anything.
scmp_arg_cmp IntIs(unsigned argument, uint64_t value) {
  return SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, 0xffffffff, value);
}

int FamilyOf(SocketKind kind) {
  switch (kind) {
    case SocketKind::kInet:
      return AF_INET;
    case SocketKind::kInet6:
      return AF_INET6;
    case SocketKind::kUnix:
      return AF_UNIX;
    case SocketKind::kPacket:
      return AF_PACKET;
    case SocketKind::kKey:
      return AF_KEY;
    case SocketKind::kAlg:
      return AF_ALG;
    case SocketKind::kPppox:
      return AF_PPPOX;
    default:
      return AF_NETLINK;
  }
}

// -1 where it is no netlink socket. Numbers of linux/netlink.h.
int NetlinkProtocolOf(SocketKind kind) {
  switch (kind) {
    case SocketKind::kNetlinkRoute:
      return 0;
    case SocketKind::kNetlinkXfrm:
      return 6;
    case SocketKind::kNetlinkNetfilter:
      return 12;
    case SocketKind::kNetlinkGeneric:
      return 16;
    default:
      return -1;
  }
}

Status Check(int result) {
  if (result < 0) {
    errno = -result;
    return IoError("making", "a system call filter");
  }
  return {};
}

Status RefuseCalls(scmp_filter_ctx filter, const SandboxRules& rules) {
  std::vector<std::string> names(std::begin(kRefused), std::end(kRefused));
  for (const auto* listed : {&rules.allow, &rules.deny}) {
    for (const std::string& name : *listed) {
      if (::seccomp_syscall_resolve_name(name.c_str()) == __NR_SCMP_ERROR)
        return Error{ErrorCode::kMalformed, "no system call is named '" + name + "'"};
    }
  }
  for (const std::string& name : rules.allow) std::erase(names, name);
  names.insert(names.end(), rules.deny.begin(), rules.deny.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const int call = ::seccomp_syscall_resolve_name(name.c_str());
    if (call < 0) continue;  // not on this architecture
    LETHE_TRY(Check(::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0)));
  }
  return {};
}

Status RefuseSockets(scmp_filter_ctx filter, const SandboxRules& rules) {
  constexpr uint32_t kNo = SCMP_ACT_ERRNO(EAFNOSUPPORT);
  std::vector<bool> families(kFamilies), protocols(kNetlinkProtocols);
  for (const SocketKind kind : rules.sockets) {
    families[static_cast<size_t>(FamilyOf(kind))] = true;
    const int protocol = NetlinkProtocolOf(kind);
    if (protocol >= 0) protocols[static_cast<size_t>(protocol)] = true;
  }
  const int call = SCMP_SYS(socket);
  for (uint64_t family = 0; family < kFamilies; ++family) {
    if (!families[family])
      LETHE_TRY(Check(::seccomp_rule_add(filter, kNo, call, 1, IntIs(0, family))));
  }
  LETHE_TRY(Check(::seccomp_rule_add(filter, kNo, call, 1, SCMP_CMP64(0, SCMP_CMP_GE, kFamilies))));
  if (!families[AF_NETLINK]) return {};
  for (uint64_t protocol = 0; protocol < kNetlinkProtocols; ++protocol) {
    if (protocols[protocol]) continue;
    LETHE_TRY(
        Check(::seccomp_rule_add(filter, kNo, call, 2, IntIs(0, AF_NETLINK), IntIs(2, protocol))));
  }
  return Check(::seccomp_rule_add(filter, kNo, call, 2, IntIs(0, AF_NETLINK),
                                  SCMP_CMP64(2, SCMP_CMP_GE, kNetlinkProtocols)));
}

Status RefuseNamespaces(scmp_filter_ctx filter) {
  for (uint64_t bit = 1; bit != 0 && bit <= kNewNamespaces; bit <<= 1) {
    if ((bit & kNewNamespaces) == 0) continue;
    LETHE_TRY(Check(::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                       SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, bit, bit))));
  }
  // Its flags lie in memory; the C library falls back to clone.
  return Check(::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
}

Result<std::vector<sock_filter>> Compile(const SandboxRules& rules) {
  const Filter filter(::seccomp_init(SCMP_ACT_ALLOW));
  if (filter == nullptr) return Error{ErrorCode::kIo, "making a system call filter"};
  // 32-bit and x32 calls.
  LETHE_TRY(
      Check(::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM))));
  LETHE_TRY(RefuseCalls(filter.get(), rules));
  LETHE_TRY(RefuseSockets(filter.get(), rules));
  LETHE_TRY(RefuseNamespaces(filter.get()));
  const Fd file(::memfd_create("filter", MFD_CLOEXEC));
  if (!file) return IoError("making", "a memory file");
  LETHE_TRY(Check(::seccomp_export_bpf(filter.get(), file.get())));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), static_cast<size_t>(size), 0) != size)
    return IoError("reading", "a memory file");
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> CompileFilter(const SandboxRules& rules) {
  // Many services have the same rules, and compiling takes longer than a start.
  static std::map<
      std::tuple<std::vector<SocketKind>, std::vector<std::string>, std::vector<std::string>>,
      std::vector<sock_filter>>
      compiled;
  const auto key = std::tuple(rules.sockets, rules.allow, rules.deny);
  const auto known = compiled.find(key);
  if (known != compiled.end()) return known->second;
  if (compiled.size() > kMaxServices) compiled.clear();
  return compiled.emplace(key, LETHE_TRY(Compile(rules))).first->second;
}

}  // namespace lethe::supervise
