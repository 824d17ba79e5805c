// Looks at the open descriptors of a running service: what it could say to anybody.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

struct AuditCounts {
  unsigned processes = 0;
  // Descriptors that may not be: 0, 1 or 2 that is neither /dev/null nor the discard meter's pipe;
  // a file or named pipe open for writing outside the scratch folders (or /proc/sys/net, for who
  // sets the network up); a socket of a family or protocol that the service may not use; a device
  // that it was not given.
  unsigned unsealed = 0;
};

// What the manager gave it.
struct AuditAllowance {
  ino_t output_inode = 0;       // of the discard meter's pipe; 0: there is none
  std::vector<ino_t> channels;  // sockets of SpawnOptions
};

// Processes that end meanwhile are not counted.
Result<AuditCounts> AuditDescriptors(const std::vector<pid_t>& processes, const Service& service,
                                     const AuditAllowance& allowance);

}  // namespace lethe::supervise
