// ESP (RFC 4303) with sequence numbers of 32 bits, as it goes over UDP. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "prober/ike_suite.h"

namespace lethe::prober::ike {

inline constexpr size_t kEspSpiBytes = 4;

struct EspDirection {
  std::string spi;  // kEspSpiBytes, of who receives
  Cipher cipher;
};

class Esp {
 public:
  struct Packet {
    uint8_t next_header = 0;  // 4: IPv4, 41: IPv6, 17: UDP
    std::string payload;
  };

  Esp(EspDirection out, EspDirection in) : out_(std::move(out)), in_(std::move(in)) {}

  std::string Seal(const Packet& packet, const std::function<std::string(size_t)>& random);
  // Nothing where it was not sealed for us.
  std::optional<Packet> Open(std::string_view packet) const;

 private:
  EspDirection out_, in_;
  uint32_t sequence_ = 0;
};

}  // namespace lethe::prober::ike
