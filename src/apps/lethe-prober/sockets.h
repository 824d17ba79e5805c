// The sockets of one attempt. Nothing blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.h"
#include "prober/attempt.h"
#include "prober/inner.h"

namespace lethe::prober {

// What went wrong with a socket, as an attempt understands it.
struct SocketFault {
  Reason reason;
  std::string detail;
};

class Socket {
 public:
  // Begins to connect.
  Socket(const IpAddress& address, const Channel& channel);

  int fd() const { return fd_.get(); }
  bool wants_to_write() const { return connecting_ || !pending_.empty(); }
  void Send(std::string bytes);
  // Goes on with what could not be sent at once.
  void OnWritable();
  // One datagram, or what the stream has now; nothing where there is no more.
  std::optional<std::string> Receive();
  // The first one, where there was one.
  const std::optional<SocketFault>& fault() const { return fault_; }
  bool closed() const { return closed_; }

 private:
  void Fault(int error);

  Fd fd_;
  bool stream_ = false;
  bool connecting_ = false;
  bool closed_ = false;
  std::string pending_;  // of a stream
  std::optional<SocketFault> fault_;
};

}  // namespace lethe::prober
