#include "supervise/control_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/unix_socket.h"
#include "supervise/control.h"

namespace lethe::supervise {
namespace {

bool MayAsk(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::Listen(EventLoop& loop,
                                                             const std::filesystem::path& path,
                                                             Handler handler) {
  const sockaddr_un address = LETHE_TRY(UnixAddress(path));
  LETHE_TRY(MakeDirectories(path.parent_path()));
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return IoError("making", "a socket");
  ::unlink(path.c_str());
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0 || ::listen(socket.get(), 16) != 0) return IoError("listening on", path);
  std::unique_ptr<ControlServer> server(
      new ControlServer(loop, path, std::move(socket), std::move(handler)));
  ControlServer* self = server.get();
  LETHE_TRY(loop.Add(self->socket_.get(), EPOLLIN, [self] { self->OnConnection(); }));
  return server;
}

ControlServer::~ControlServer() {
  while (!connections_.empty()) Close(connections_.begin()->first);
  loop_.Remove(socket_.get());
  ::unlink(path_.c_str());
}

void ControlServer::OnConnection() {
  Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection || !MayAsk(connection.get())) return;
  if (connections_.size() >= kMaxConnections) return;
  const ConnectionId id = ++last_id_;
  if (!loop_.Add(connection.get(), EPOLLIN, [this, id] { OnPacket(id); })) return;
  connections_.emplace(id, std::move(connection));
}

void ControlServer::OnPacket(ConnectionId id) {
  auto packet = ReceivePacket(connections_.at(id).get(), kMaxRequestBytes);
  if (!packet) {
    Answer(id, ErrorAnswer(packet.error()));
    return Close(id);
  }
  if (!packet->has_value()) return;
  if ((*packet)->bytes.empty()) return Close(id);
  handler_(id, std::move(**packet));
}

void ControlServer::Answer(ConnectionId id, std::string_view bytes) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  if (!SendPacket(it->second.get(), bytes)) Close(id);
}

void ControlServer::Close(ConnectionId id) {
  const auto it = connections_.find(id);
  if (it == connections_.end()) return;
  loop_.Remove(it->second.get());
  connections_.erase(it);
}

}  // namespace lethe::supervise
