// Authenticated encryption with a nonce that the caller chooses, by OpenSSL: what tunnels seal
// their packets with. A pair of key and nonce seals one message only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lethe::crypto {

enum class Aead {
  kAesGcm,           // SP 800-38D; a key of 16, 24 or 32 bytes
  kChaCha20Poly1305  // RFC 8439; a key of 32 bytes
};

inline constexpr size_t kAeadNonceBytes = 12;
inline constexpr size_t kAeadTagBytes = 16;

struct AeadKey {
  Aead kind = Aead::kAesGcm;
  std::string key;
};

// The tag follows the text. Precondition of both: key and nonce have their lengths.
std::string AeadSeal(const AeadKey& key, std::string_view nonce, std::string_view text,
                     std::string_view additional);
// Nothing where it was not sealed so.
std::optional<std::string> AeadOpen(const AeadKey& key, std::string_view nonce,
                                    std::string_view sealed, std::string_view additional);

}  // namespace lethe::crypto
