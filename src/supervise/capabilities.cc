#include "supervise/capabilities.h"

#include <linux/capability.h>

#include <algorithm>

namespace lethe::supervise {
namespace {

// In the order of their numbers in linux/capability.h.
constexpr std::string_view kNames[] = {"chown",
                                       "dac_override",
                                       "dac_read_search",
                                       "fowner",
                                       "fsetid",
                                       "kill",
                                       "setgid",
                                       "setuid",
                                       "setpcap",
                                       "linux_immutable",
                                       "net_bind_service",
                                       "net_broadcast",
                                       "net_admin",
                                       "net_raw",
                                       "ipc_lock",
                                       "ipc_owner",
                                       "sys_module",
                                       "sys_rawio",
                                       "sys_chroot",
                                       "sys_ptrace",
                                       "sys_pacct",
                                       "sys_admin",
                                       "sys_boot",
                                       "sys_nice",
                                       "sys_resource",
                                       "sys_time",
                                       "sys_tty_config",
                                       "mknod",
                                       "lease",
                                       "audit_write",
                                       "audit_control",
                                       "setfcap",
                                       "mac_override",
                                       "mac_admin",
                                       "syslog",
                                       "wake_alarm",
                                       "block_suspend",
                                       "audit_read",
                                       "perfmon",
                                       "bpf",
                                       "checkpoint_restore"};
static_assert(std::size(kNames) == CAP_LAST_CAP + 1);

}  // namespace

Result<uint64_t> CapabilityMask(const std::vector<std::string>& names) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    const auto* at = std::find(std::begin(kNames), std::end(kNames), name);
    if (at == std::end(kNames))
      return Error{ErrorCode::kMalformed, "no capability is named '" + name + "'"};
    mask |= uint64_t{1} << (at - std::begin(kNames));
  }
  return mask;
}

}  // namespace lethe::supervise
