#include "crypto/x25519.h"

#include <sodium/crypto_aead_chacha20poly1305.h>
#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_scalarmult_curve25519.h>

#include "base/assert.h"
#include "crypto/unsigned.h"

namespace lethe::crypto {
namespace {

constexpr unsigned char kNonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {};
constexpr size_t kTagBytes = crypto_aead_chacha20poly1305_ietf_ABYTES;

}  // namespace

X25519Key X25519PublicKey(const X25519Key& secret) {
  X25519Key out;
  ::crypto_scalarmult_curve25519_base(out.data(), secret.data());
  return out;
}

std::optional<X25519Key> X25519(const X25519Key& secret, const X25519Key& public_key) {
  X25519Key out;
  if (::crypto_scalarmult_curve25519(out.data(), secret.data(), public_key.data()) != 0) return {};
  return out;
}

std::string ChaChaPolySeal(const std::array<uint8_t, 32>& key, std::string_view text,
                           std::string_view additional) {
  std::string out(text.size() + kTagBytes, '\0');
  ::crypto_aead_chacha20poly1305_ietf_encrypt(Unsigned(out), nullptr, Unsigned(text), text.size(),
                                              Unsigned(additional), additional.size(), nullptr,
                                              kNonce, key.data());
  return out;
}

std::optional<std::string> ChaChaPolyOpen(const std::array<uint8_t, 32>& key,
                                          std::string_view sealed, std::string_view additional) {
  if (sealed.size() < kTagBytes) return {};
  std::string out(sealed.size() - kTagBytes, '\0');
  if (::crypto_aead_chacha20poly1305_ietf_decrypt(Unsigned(out), nullptr, nullptr, Unsigned(sealed),
                                                  sealed.size(), Unsigned(additional),
                                                  additional.size(), kNonce, key.data()) != 0)
    return {};
  return out;
}

std::string XChaChaPolySeal(const std::array<uint8_t, 32>& key, std::string_view nonce,
                            std::string_view text, std::string_view additional) {
  LETHE_ASSERT(nonce.size() == kXChaChaNonceBytes);
  std::string out(text.size() + kTagBytes, '\0');
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(Unsigned(out), nullptr, Unsigned(text), text.size(),
                                               Unsigned(additional), additional.size(), nullptr,
                                               Unsigned(nonce), key.data());
  return out;
}

std::optional<std::string> XChaChaPolyOpen(const std::array<uint8_t, 32>& key,
                                           std::string_view nonce, std::string_view sealed,
                                           std::string_view additional) {
  LETHE_ASSERT(nonce.size() == kXChaChaNonceBytes);
  if (sealed.size() < kTagBytes) return {};
  std::string out(sealed.size() - kTagBytes, '\0');
  if (::crypto_aead_xchacha20poly1305_ietf_decrypt(
          Unsigned(out), nullptr, nullptr, Unsigned(sealed), sealed.size(), Unsigned(additional),
          additional.size(), Unsigned(nonce), key.data()) != 0)
    return {};
  return out;
}

}  // namespace lethe::crypto
