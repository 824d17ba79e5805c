// Noise_IKpsk2 as WireGuard uses it: the initiator's side, without a preshared key.

#include <algorithm>

#include "crypto/blake2s.h"
#include "probe/bytes.h"
#include "probe/probe.h"

namespace lethe::probe {
namespace {

using crypto::Blake2s;
using crypto::Blake2sDigest;
using crypto::Blake2sMac;
using crypto::ChaChaPolyOpen;
using crypto::ChaChaPolySeal;
using crypto::HmacBlake2s;
using crypto::X25519;
using crypto::X25519Key;
using crypto::X25519PublicKey;

// Sections 5.4.2 to 5.4.7
constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";
constexpr std::string_view kMac1Label = "mac1----", kCookieLabel = "cookie--";
constexpr char kInitiation = 1, kResponse = 2, kCookieReply = 3;
constexpr size_t kResponseBytes = 92, kCookieReplyBytes = 64, kIndexBytes = 4, kTagBytes = 16;
constexpr uint64_t kTai64Epoch = 0x400000000000000aULL;

// Chaining key and hash, section 5.4: C and H.
struct Noise {
  Blake2sDigest chain = Blake2s(kConstruction);
  Blake2sDigest hash = Blake2s(Text(chain) + std::string(kIdentifier));

  void MixHash(std::string_view data) { hash = Blake2s(Text(hash).append(data)); }
  // Kdf1; the outputs after the first one go to `key` and `third`.
  void MixKey(std::string_view input, Blake2sDigest* key = nullptr,
              Blake2sDigest* third = nullptr) {
    const std::string first = Text(HmacBlake2s(Text(chain), input));
    chain = HmacBlake2s(first, "\x01");
    if (key == nullptr) return;
    *key = HmacBlake2s(first, Text(chain) + "\x02");
    if (third != nullptr) *third = HmacBlake2s(first, Text(*key) + "\x03");
  }
};

struct Initiation {
  Noise noise;
  X25519Key static_secret, ephemeral_secret;
  std::string index;
  Blake2sDigest cookie_key;
  std::string mac1;

  // Section 5.4.3, as the initiator reads it.
  bool IsResponse(std::string_view answer) const {
    if (answer.size() != kResponseBytes || answer[0] != kResponse) return false;
    if (answer.substr(8, kIndexBytes) != index) return false;
    X25519Key ephemeral;
    std::copy(answer.begin() + 12, answer.begin() + 44, ephemeral.begin());
    const auto by_ephemeral = X25519(ephemeral_secret, ephemeral);
    const auto by_static = X25519(static_secret, ephemeral);
    if (!by_ephemeral || !by_static) return false;
    Noise state = noise;
    state.MixKey(Text(ephemeral));
    state.MixHash(Text(ephemeral));
    state.MixKey(Text(*by_ephemeral));
    state.MixKey(Text(*by_static));
    Blake2sDigest middle, key;
    state.MixKey(std::string(32, '\0'), &middle, &key);
    state.MixHash(Text(middle));
    return ChaChaPolyOpen(key, answer.substr(44, kTagBytes), Text(state.hash)).has_value();
  }

  // Section 5.4.7: sealed for who knows the server's public key, and bound to our message.
  bool IsCookieReply(std::string_view answer) const {
    return answer.size() == kCookieReplyBytes && answer[0] == kCookieReply &&
           answer.substr(4, kIndexBytes) == index &&
           crypto::XChaChaPolyOpen(cookie_key, answer.substr(8, crypto::kXChaChaNonceBytes),
                                   answer.substr(8 + crypto::kXChaChaNonceBytes), mac1)
               .has_value();
  }
};

std::string Tai64N(uint64_t unix_s, uint32_t ns) {
  std::string out;
  AppendBigEndian(out, kTai64Epoch + unix_s, 8);
  AppendBigEndian(out, ns, 4);
  return out;
}

}  // namespace

std::optional<Exchange> WireGuard(const WireGuardKeys& keys, const Random& random,
                                  uint64_t now_unix_s, uint32_t now_ns) {
  Initiation state;
  state.static_secret = keys.secret;
  std::copy_n(random.begin(), 32, state.ephemeral_secret.begin());
  state.index = Text(random).substr(32, kIndexBytes);
  const std::string server = Text(keys.server_public);
  state.cookie_key = Blake2s(std::string(kCookieLabel) + server);
  const std::string ephemeral = Text(X25519PublicKey(state.ephemeral_secret));
  const auto first = X25519(state.ephemeral_secret, keys.server_public);
  const auto second = X25519(keys.secret, keys.server_public);
  if (!first || !second) return {};

  Noise& noise = state.noise;
  noise.MixHash(server);
  noise.MixKey(ephemeral);
  noise.MixHash(ephemeral);
  Blake2sDigest key;
  noise.MixKey(Text(*first), &key);
  const std::string sealed_static =
      ChaChaPolySeal(key, Text(X25519PublicKey(keys.secret)), Text(noise.hash));
  noise.MixHash(sealed_static);
  noise.MixKey(Text(*second), &key);
  const std::string sealed_time = ChaChaPolySeal(key, Tai64N(now_unix_s, now_ns), Text(noise.hash));
  noise.MixHash(sealed_time);

  std::string message{kInitiation, 0, 0, 0};
  message += state.index + ephemeral + sealed_static + sealed_time;
  state.mac1 = Text(Blake2sMac(Text(Blake2s(std::string(kMac1Label) + server)), message));
  message += state.mac1;
  message.append(16, '\0');  // mac2: no cookie
  return Exchange{.request = std::move(message),
                  .is_answer = [state = std::move(state)](std::string_view answer) {
                    return state.IsResponse(answer) || state.IsCookieReply(answer);
                  }};
}

}  // namespace lethe::probe
