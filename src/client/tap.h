// The packets on an interface, in both directions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace lethe::client {

class Tap {
 public:
  struct Packet {
    uint16_t type;           // EtherType
    std::string_view bytes;  // behind the Ethernet header; in the caller's buffer
  };

  // kIo without the right to, or where this network namespace has no such interface.
  static Result<Tap> Open(const std::string& interface);

  // The next packet, cut where it does not fit; nothing where none comes in time.
  std::optional<Packet> Next(std::span<char> buffer, std::chrono::milliseconds timeout) const;

 private:
  explicit Tap(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace lethe::client
