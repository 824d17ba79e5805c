// Users and groups of /etc/passwd and /etc/group, without the C library's name services: a static
// program has none. Formats: passwd(5), group(5).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::supervise {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

// kNotFound: no such user. kMalformed names the line. Pure.
Result<User> FindUser(std::string_view name, std::string_view passwd, std::string_view group);

// Of this machine.
Result<User> LookUpUser(std::string_view name);

}  // namespace lethe::supervise
