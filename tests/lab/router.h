// What stands between clients and the server for as long as its owner lives: a translator of
// addresses, a narrow path.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace lethe::lab {

// nftables between the clients' network and the server's: the server sees the router's addresses.
class Nat {
 public:
  static Result<Nat> Start();
  Nat(Nat&& other) noexcept : active_(std::exchange(other.active_, false)) {}
  ~Nat();

 private:
  explicit Nat(bool active) : active_(active) {}
  bool active_;
};

// Packets of at most `mtu` bytes pass between them, in both directions; the router says so of those
// that it may not cut.
class NarrowPath {
 public:
  static Result<NarrowPath> Start(unsigned mtu);
  NarrowPath(NarrowPath&& other) noexcept : active_(std::exchange(other.active_, false)) {}
  ~NarrowPath();

 private:
  explicit NarrowPath(bool active) : active_(active) {}
  bool active_;
};

}  // namespace lethe::lab
