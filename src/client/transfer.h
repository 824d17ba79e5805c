// Addresses as programs take them, and a transfer by TCP: what the laboratory does on both sides.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <string>

#include "base/result.h"

namespace lethe::client {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// An IPv4 or IPv6 address in its usual spelling. kMalformed for anything else.
Result<SocketAddress> ParseSocketAddress(const std::string& address, unsigned port);

// Connects by TCP and counts what arrives until the other side closes. The timeout is for each
// step.
Result<size_t> Fetch(const std::string& address, unsigned port, std::chrono::seconds timeout);

}  // namespace lethe::client
