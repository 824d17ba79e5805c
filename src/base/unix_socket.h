// Sockets that have a path.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <filesystem>

#include "base/fd.h"
#include "base/result.h"

namespace lethe {

// kUsage where the path is longer than a socket's may be.
Result<sockaddr_un> UnixAddress(const std::filesystem::path& path);

struct UnixPeer {
  std::filesystem::path path;
  int type = SOCK_STREAM;
  std::chrono::milliseconds timeout{0};  // of each call that waits; 0: there is none
};

// Closed on exec. kUsage for such a path, kUnavailable where nobody listens there, or who does
// takes longer than the timeout; kIo where no socket can be made.
Result<Fd> ConnectUnix(const UnixPeer& peer);

}  // namespace lethe
