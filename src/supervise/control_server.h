// The listening side of the control socket: who may ask, packets in, packets out.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "base/packet.h"
#include "supervise/event_loop.h"

namespace lethe::supervise {

class ControlServer {
 public:
  using ConnectionId = uint64_t;
  using Handler = std::function<void(ConnectionId, Packet)>;
  static constexpr size_t kMaxConnections = 32;

  // Listens on `path` (mode 0600; what was there is replaced). `handler` is called for each packet
  // of a peer that is root or this process's user; others are closed without a word.
  static Result<std::unique_ptr<ControlServer>> Listen(EventLoop& loop,
                                                       const std::filesystem::path& path,
                                                       Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // An asker that is gone, or does not read, is closed.
  void Answer(ConnectionId id, std::string_view bytes);
  bool IsOpen(ConnectionId id) const { return connections_.contains(id); }

 private:
  ControlServer(EventLoop& loop, std::filesystem::path path, Fd socket, Handler handler)
      : loop_(loop),
        path_(std::move(path)),
        socket_(std::move(socket)),
        handler_(std::move(handler)) {}
  void OnConnection();
  void OnPacket(ConnectionId id);
  void Close(ConnectionId id);

  EventLoop& loop_;
  std::filesystem::path path_;
  Fd socket_;
  Handler handler_;
  ConnectionId last_id_ = 0;
  std::map<ConnectionId, Fd> connections_;
};

}  // namespace lethe::supervise
