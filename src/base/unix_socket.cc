#include "base/unix_socket.h"

#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"

namespace lethe {

Result<sockaddr_un> UnixAddress(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof address.sun_path)
    return Error{ErrorCode::kUsage, text + ": longer than a socket's path may be"};
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

Result<Fd> ConnectUnix(const UnixPeer& peer) {
  const sockaddr_un address = LETHE_TRY(UnixAddress(peer.path));
  Fd fd(::socket(AF_UNIX, peer.type | SOCK_CLOEXEC, 0));
  if (!fd) return IoError("making", "a socket");
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(peer.timeout);
  const timeval timeout{whole.count(), std::chrono::microseconds(peer.timeout - whole).count()};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    ::setsockopt(fd.get(), SOL_SOCKET, option, &timeout, sizeof timeout);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{ErrorCode::kUnavailable,
                 "connecting to " + peer.path.string() + ": " + std::strerror(errno)};
  return fd;
}

}  // namespace lethe
