// Packets over Unix sockets (SOCK_SEQPACKET), with at most one descriptor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace lethe {

struct Packet {
  std::string bytes;  // empty: the other side closed
  Fd descriptor;      // none: -1
};

// One packet; nothing where none is there (a non-blocking socket). kMalformed: larger than
// `max_bytes`, or more than one descriptor; those that came are closed.
Result<std::optional<Packet>> ReceivePacket(int socket, size_t max_bytes);

// kUnavailable where the other side is gone or does not read. `descriptor` -1: none.
Status SendPacket(int socket, std::string_view bytes, int descriptor = -1);

}  // namespace lethe
