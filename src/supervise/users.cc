#include "supervise/users.h"

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"

namespace lethe::supervise {
namespace {

constexpr uint64_t kMaxBytes = 4U << 20;

Error Malformed(std::string_view file, size_t line) {
  return Error{ErrorCode::kMalformed, std::string(file) + ":" + std::to_string(line) +
                                          ": is no entry of " + std::string(file)};
}

}  // namespace

Result<User> FindUser(std::string_view name, std::string_view passwd, std::string_view group) {
  User user;
  bool found = false;
  size_t number = 0;
  for (const auto line : Lines(passwd)) {
    ++number;
    const auto fields = Split(line, ':');
    if (fields[0] != name) continue;
    const auto uid = fields.size() == 7 ? ParseUnsigned<uid_t>(fields[2]) : std::nullopt;
    const auto gid = fields.size() == 7 ? ParseUnsigned<gid_t>(fields[3]) : std::nullopt;
    if (!uid || !gid) return Malformed("/etc/passwd", number);
    user = {*uid, *gid, {}};
    found = true;
    break;
  }
  if (!found)
    return Error{ErrorCode::kNotFound, "/etc/passwd has no user '" + Printable(name) + "'"};
  number = 0;
  for (const auto line : Lines(group)) {
    ++number;
    const auto fields = Split(line, ':');
    if (fields.size() != 4) return Malformed("/etc/group", number);
    const auto members = Split(fields[3], ',');
    if (std::find(members.begin(), members.end(), name) == members.end()) continue;
    const auto gid = ParseUnsigned<gid_t>(fields[2]);
    if (!gid) return Malformed("/etc/group", number);
    user.groups.push_back(*gid);
  }
  return user;
}

Result<User> LookUpUser(std::string_view name) {
  const std::string passwd = LETHE_TRY(ReadFile("/etc/passwd", kMaxBytes));
  const std::string group = LETHE_TRY(ReadFile("/etc/group", kMaxBytes));
  return FindUser(name, passwd, group);
}

}  // namespace lethe::supervise
