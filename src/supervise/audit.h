// Looks at the open descriptors of a running service: what it could say to anybody.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "supervise/service.h"

namespace lethe::supervise {

struct AuditCounts {
  unsigned processes = 0;
  // Descriptors that may not be: 0, 1 or 2 that is no /dev/null (the meter's pipe where
  // `output_inode` names it); a regular file open for writing outside the scratch folders; a socket
  // of a family or protocol that the service may not use; a device that it was not given.
  unsigned unsealed = 0;
};

// Processes that end meanwhile are not counted. `output_inode`: of the discard meter's pipe, else
// 0.
Result<AuditCounts> AuditDescriptors(const std::vector<pid_t>& processes, const Service& service,
                                     ino_t output_inode);

}  // namespace lethe::supervise
