// The keys of an IKE SA of version 2 and its encrypted messages (RFC 7296 2.14, 2.17, 3.14), the
// initiator's side. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "prober/esp.h"
#include "prober/ike_message.h"
#include "prober/ike_suite.h"

namespace lethe::prober::ike {

struct KeyInput {
  Suite suite;
  std::string shared;  // by Diffie-Hellman
  std::string nonce_i, nonce_r;
  std::string spi_i, spi_r;
};

class IkeKeys {
 public:
  explicit IkeKeys(const KeyInput& input);

  // A request of ours, with everything in `payloads` encrypted.
  std::string Seal(uint8_t exchange, uint32_t id, uint8_t flags, const Payloads& payloads,
                   const std::function<std::string(size_t)>& random);
  // What is in a message of theirs; nothing where it was not sealed by these keys.
  std::optional<Payloads> Open(std::string_view bytes) const;

  // Of RFC 7296 2.15: what each side signs with its first message and identity.
  std::string SignedByInitiator(std::string_view first_message, std::string_view id_body) const;
  std::string SignedByResponder(std::string_view first_message, std::string_view id_body) const;
  // Of a CHILD_SA that came with this SA; SPIs of who receives.
  Esp MakeEsp(const Suite& suite, const std::string& our_spi, const std::string& their_spi) const;

  const Suite& suite() const { return input_.suite; }

 private:
  struct Split;
  IkeKeys(const KeyInput& input, const Split& keys);

  KeyInput input_;
  std::string derive_, sign_i_, sign_r_;
  Cipher out_, in_;
};

}  // namespace lethe::prober::ike
