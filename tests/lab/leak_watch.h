// Watches the cable of a client for whatever is neither to nor from the server's VPN, nor what
// Ethernet itself needs (ARP, neighbour discovery), nor a router's word on a packet that is too
// long.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cable.h"
#include "credentials.h"
#include "wire.h"

namespace lethe::lab {

class LeakWatch {
 public:
  static Result<std::unique_ptr<LeakWatch>> Start(const Machine& machine, Vpn vpn);
  static Result<std::unique_ptr<LeakWatch>> Start(const Cable& cable, Vpn vpn);
  ~LeakWatch();
  // What leaked so far, a line each: at most 20.
  std::vector<std::string> Leaks();
  // Packets of the VPN that were seen: a watch that sees none proves nothing.
  size_t vpn_packets() const;

 private:
  class Thread;
  explicit LeakWatch(std::unique_ptr<Thread> thread);
  std::unique_ptr<Thread> thread_;
};

}  // namespace lethe::lab
