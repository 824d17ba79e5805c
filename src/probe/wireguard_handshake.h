// Noise_IKpsk2 as WireGuard uses it, the initiator's side (WireGuard paper, section 5.4). Pure:
// random bytes and the time come in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/blake2s.h"
#include "crypto/x25519.h"

namespace lethe::probe {

// Chaining key and hash, section 5.4: C and H.
struct Noise {
  Noise();
  void MixHash(std::string_view data);
  // Kdf1; the outputs after the first one go to `key` and `third`.
  void MixKey(std::string_view input, crypto::Blake2sDigest* key = nullptr,
              crypto::Blake2sDigest* third = nullptr);

  crypto::Blake2sDigest chain;
  crypto::Blake2sDigest hash;
};

// Section 5.4.5, as the initiator has it.
struct WireGuardSession {
  std::string server_index;  // 4 bytes, as they stand on the wire
  std::array<uint8_t, 32> send_key;
  std::array<uint8_t, 32> receive_key;
};

struct HandshakeInput {
  crypto::X25519Key secret;  // of a peer that the server knows
  crypto::X25519Key server_public;
  std::array<uint8_t, 32> preshared{};  // zeros: none
  crypto::X25519Key ephemeral_secret;   // random
  std::string index;                    // random, 4 bytes
  uint64_t now_unix_s = 0;              // a server takes rising times only
  uint32_t now_ns = 0;
  std::string cookie;  // 16 bytes of the server's last reply; empty: none
};

class WireGuardHandshake {
 public:
  // Nothing where the server's key is of low order.
  static std::optional<WireGuardHandshake> Begin(HandshakeInput input);

  const std::string& initiation() const { return initiation_; }  // section 5.4.2
  const std::string& index() const { return input_.index; }
  // Section 5.4.3: nothing where it is no response to this initiation by the server's key.
  std::optional<WireGuardSession> ReadResponse(std::string_view answer) const;
  // Section 5.4.7: sealed for who knows the server's public key, and bound to our message.
  std::optional<std::string> ReadCookie(std::string_view answer) const;

 private:
  WireGuardHandshake() = default;

  HandshakeInput input_;
  Noise noise_;
  crypto::Blake2sDigest cookie_key_{};
  std::string mac1_;
  std::string initiation_;
};

}  // namespace lethe::probe
