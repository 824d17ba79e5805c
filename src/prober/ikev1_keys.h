// The keys of an IKE SA of version 1 with a preshared key, and its encrypted messages (RFC 2409 5,
// appendix B), the initiator's side. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "prober/esp.h"
#include "prober/ike_message.h"
#include "prober/ike_suite.h"

namespace lethe::prober::ike {

struct Phase1Input {
  Suite suite;
  std::string psk;
  std::string shared;              // by Diffie-Hellman
  std::string public_i, public_r;  // as they stood in the KE payloads
  std::string nonce_i, nonce_r;
  std::string cookie_i, cookie_r;
  std::string sa_body;  // the initiator's SA payload
};

class Phase1Keys {
 public:
  explicit Phase1Keys(Phase1Input input);

  // What proves each side's knowledge of the key (RFC 2409 5).
  std::string HashI(std::string_view id_body) const;
  std::string HashR(std::string_view id_body) const;
  // HASH(n) of phase 2 and of informational messages.
  std::string Phase2Hash(std::string_view data) const;

  // The first IV of main mode, and that of an exchange of another message id, once main mode's last
  // block is known.
  std::string FirstIv() const;
  std::string IvOf(uint32_t id, std::string_view last_block) const;

  // Payloads in an encrypted message; `iv` becomes the next one.
  std::string Seal(uint8_t exchange, uint32_t id, const Payloads& payloads, std::string& iv) const;
  struct Opened {
    Payloads payloads;
    std::string chain;  // as it stood there
  };
  std::optional<Opened> Open(const Message& message, std::string& iv) const;

  Esp MakeEsp(const Suite& suite, const std::string& our_spi, const std::string& their_spi,
              const std::string& nonces) const;

 private:
  std::string KeysFor(const Suite& suite, const std::string& spi, const std::string& nonces) const;

  Phase1Input input_;
  std::string root_, derive_, authenticate_, encrypt_;
};

}  // namespace lethe::prober::ike
