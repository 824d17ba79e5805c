// Runs code away from the host: new user, mount, PID, network, UTS and IPC namespaces. Works for
// root and, through the subordinate ids of /etc/subuid, for an ordinary user. Inside, ids 0 to
// 65535 exist, nothing is privileged towards the host, and there is no network.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lethe::image {

// Calls `work` in a forked child that is root (uid 0) in its own user namespace, with the caller's
// file system. Only the Status comes back. kUnavailable, with what to install or enable, where the
// kernel or /etc/subuid does not allow it.
Status RunAsFakeRoot(const std::function<Status()>& work);

struct Bind {
  std::filesystem::path host;  // a folder
  std::string guest;  // absolute mount point inside; created when missing and root is writable
  bool writable = false;
};

struct RootCommand {
  std::filesystem::path root;  // becomes "/"
  bool root_writable = false;
  std::vector<Bind> binds;
  std::vector<std::string> argv;                         // looked up in the PATH of the root
  std::vector<std::pair<std::string, std::string>> env;  // besides the fixed minimal one
  std::string cwd = "/";
  std::string input;
};

// Runs a program inside `root`: fixed environment (PATH, HOME, LC_ALL=C.UTF-8, TZ=UTC), umask 022,
// host name "lethe", stdin /dev/null, a fresh /proc, /tmp on tmpfs, a minimal /dev. Returns stdout;
// a non-zero exit is kIo with the tail of stderr.
Result<std::string> RunInRoot(const RootCommand& command);

}  // namespace lethe::image
