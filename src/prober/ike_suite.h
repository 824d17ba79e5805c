// The algorithms of IKE and ESP: by name as strongSwan writes them, and at work. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/aead.h"
#include "crypto/key_exchange.h"
#include "crypto/mac.h"

namespace lethe::prober::ike {

// Numbers of IKEv2's transforms (RFC 7296 3.3.2). 0: none.
struct Suite {
  uint16_t encryption = 0;
  uint16_t key_bits = 0;  // 0: fixed by the algorithm
  uint16_t integrity = 0;
  uint16_t prf = 0;    // of IKE
  uint16_t group = 0;  // of IKE

  bool operator==(const Suite&) const = default;
};

inline constexpr uint16_t kAesCbc = 12, kAesGcm16 = 20, kChaChaPoly = 28;
inline constexpr uint16_t kHmacSha1 = 2, kHmacSha256 = 12, kHmacSha384 = 13, kHmacSha512 = 14;
inline constexpr uint16_t kPrfSha1 = 2, kPrfSha256 = 5, kPrfSha384 = 6, kPrfSha512 = 7;

// "aes256gcm16-prfsha384-ecp384", "aes256-sha256-modp2048"; of ESP "aes256gcm16", "aes128-sha1".
// Nothing for what is unknown, missing or too much.
std::optional<Suite> ParseIkeSuite(std::string_view name);
std::optional<Suite> ParseEspSuite(std::string_view name);

// Of the suite's PRF. Precondition: it has one.
crypto::Hash PrfHash(const Suite& suite);
std::string Prf(const Suite& suite, std::string_view key, std::string_view data);
// RFC 7296 2.13
std::string PrfPlus(const Suite& suite, std::string_view key, std::string_view seed, size_t bytes);
crypto::Group GroupOf(const Suite& suite);

// Of one direction, with a salt where there is one.
size_t EncryptionKeyBytes(const Suite& suite);
size_t IntegrityKeyBytes(const Suite& suite);

// What IKEv2's encrypted payload and ESP do alike: IV, cipher text, check value.
class Cipher {
 public:
  // Precondition: keys of the suite's sizes.
  Cipher(const Suite& suite, std::string encryption_key, std::string integrity_key)
      : suite_(suite),
        encryption_key_(std::move(encryption_key)),
        integrity_key_(std::move(integrity_key)) {}

  // Of what `text` must be a multiple.
  size_t block_bytes() const { return suite_.encryption == kAesCbc ? 16 : 1; }
  size_t iv_bytes() const { return suite_.encryption == kAesCbc ? 16 : 8; }
  size_t check_bytes() const;

  // `head` is authenticated and not encrypted; `random` gives the IV of CBC, that of the others is
  // a counter.
  std::string Seal(std::string_view head, std::string_view text,
                   const std::function<std::string(size_t)>& random);
  std::optional<std::string> Open(std::string_view head, std::string_view sealed) const;

 private:
  crypto::AeadKey Aead() const;
  std::string Salt() const { return encryption_key_.substr(encryption_key_.size() - 4); }
  std::string Check(std::string_view bytes) const;

  Suite suite_;
  std::string encryption_key_, integrity_key_;
  uint64_t counter_ = 0;
};

}  // namespace lethe::prober::ike
