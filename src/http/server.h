// A small HTTP/1.1 server (Boost.Beast): a route table, bounded connections, time limits against
// slow clients, ranges, a graceful end. It keeps no log.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/route.h"

namespace lethe::http {

struct ServerOptions {
  std::string address = "127.0.0.1";  // numeric
  uint16_t port = 0;                  // 0: the system chooses
  // More wait, unanswered, until one of these ends.
  size_t max_connections = 64;
  // For a whole request header, counted from the connection or from the end of the last answer.
  std::chrono::milliseconds request_timeout{15'000};
  // For each piece of an answer (at most 256 KiB).
  std::chrono::milliseconds write_timeout{30'000};
  // What is under way when the server is told to stop may take so long.
  std::chrono::milliseconds grace{5'000};
};

class Server {
 public:
  // Listens. kUsage for an address that is none; kUnavailable where it is taken or not ours.
  static Result<Server> Listen(const ServerOptions& options, std::vector<Route> routes);
  Server(Server&&) noexcept;
  ~Server();

  uint16_t port() const;

  // Answers until SIGINT, SIGTERM or Stop; then finishes the answers under way and returns.
  Status Run();
  // From any thread.
  void Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lethe::http
