#include "probe/wireguard_handshake.h"

#include <algorithm>

#include "base/assert.h"
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
constexpr size_t kMacBytes = 16;
constexpr uint64_t kTai64Epoch = 0x400000000000000aULL;

std::string Tai64N(uint64_t unix_s, uint32_t ns) {
  std::string out;
  AppendBigEndian(out, kTai64Epoch + unix_s, 8);
  AppendBigEndian(out, ns, 4);
  return out;
}

}  // namespace

Noise::Noise()
    : chain(Blake2s(kConstruction)), hash(Blake2s(Text(chain) + std::string(kIdentifier))) {}

void Noise::MixHash(std::string_view data) { hash = Blake2s(Text(hash).append(data)); }

void Noise::MixKey(std::string_view input, Blake2sDigest* key, Blake2sDigest* third) {
  const std::string first = Text(HmacBlake2s(Text(chain), input));
  chain = HmacBlake2s(first, "\x01");
  if (key == nullptr) return;
  *key = HmacBlake2s(first, Text(chain) + "\x02");
  if (third != nullptr) *third = HmacBlake2s(first, Text(*key) + "\x03");
}

std::optional<WireGuardHandshake> WireGuardHandshake::Begin(HandshakeInput input) {
  LETHE_ASSERT(input.index.size() == kIndexBytes);
  LETHE_ASSERT(input.cookie.empty() || input.cookie.size() == kMacBytes);
  const auto first = X25519(input.ephemeral_secret, input.server_public);
  const auto second = X25519(input.secret, input.server_public);
  if (!first || !second) return {};
  WireGuardHandshake out;
  const std::string server = Text(input.server_public);
  const std::string ephemeral = Text(X25519PublicKey(input.ephemeral_secret));
  out.cookie_key_ = Blake2s(std::string(kCookieLabel) + server);

  Noise& noise = out.noise_;
  noise.MixHash(server);
  noise.MixKey(ephemeral);
  noise.MixHash(ephemeral);
  Blake2sDigest key;
  noise.MixKey(Text(*first), &key);
  const std::string sealed_static =
      ChaChaPolySeal(key, Text(X25519PublicKey(input.secret)), Text(noise.hash));
  noise.MixHash(sealed_static);
  noise.MixKey(Text(*second), &key);
  const std::string sealed_time =
      ChaChaPolySeal(key, Tai64N(input.now_unix_s, input.now_ns), Text(noise.hash));
  noise.MixHash(sealed_time);

  std::string message{kInitiation, 0, 0, 0};
  message += input.index + ephemeral + sealed_static + sealed_time;
  out.mac1_ = Text(Blake2sMac(Text(Blake2s(std::string(kMac1Label) + server)), message));
  message += out.mac1_;
  message +=
      input.cookie.empty() ? std::string(kMacBytes, '\0') : Text(Blake2sMac(input.cookie, message));
  out.initiation_ = std::move(message);
  out.input_ = std::move(input);
  return out;
}

std::optional<WireGuardSession> WireGuardHandshake::ReadResponse(std::string_view answer) const {
  if (answer.size() != kResponseBytes || answer[0] != kResponse) return {};
  if (answer.substr(8, kIndexBytes) != input_.index) return {};
  X25519Key ephemeral;
  std::copy(answer.begin() + 12, answer.begin() + 44, ephemeral.begin());
  const auto by_ephemeral = X25519(input_.ephemeral_secret, ephemeral);
  const auto by_static = X25519(input_.secret, ephemeral);
  if (!by_ephemeral || !by_static) return {};
  Noise state = noise_;
  state.MixKey(Text(ephemeral));
  state.MixHash(Text(ephemeral));
  state.MixKey(Text(*by_ephemeral));
  state.MixKey(Text(*by_static));
  Blake2sDigest middle, key;
  state.MixKey(Text(input_.preshared), &middle, &key);
  state.MixHash(Text(middle));
  if (!ChaChaPolyOpen(key, answer.substr(44, kTagBytes), Text(state.hash))) return {};
  WireGuardSession session{.server_index = std::string(answer.substr(4, kIndexBytes))};
  state.MixKey("", &session.receive_key);
  session.send_key = state.chain;
  return session;
}

std::optional<std::string> WireGuardHandshake::ReadCookie(std::string_view answer) const {
  if (answer.size() != kCookieReplyBytes || answer[0] != kCookieReply) return {};
  if (answer.substr(4, kIndexBytes) != input_.index) return {};
  return crypto::XChaChaPolyOpen(cookie_key_, answer.substr(8, crypto::kXChaChaNonceBytes),
                                 answer.substr(8 + crypto::kXChaChaNonceBytes), mac1_);
}

std::optional<Exchange> WireGuard(const WireGuardKeys& keys, const Random& random,
                                  uint64_t now_unix_s, uint32_t now_ns) {
  HandshakeInput input{.secret = keys.secret,
                       .server_public = keys.server_public,
                       .index = Text(random).substr(32, kIndexBytes),
                       .now_unix_s = now_unix_s,
                       .now_ns = now_ns};
  std::copy_n(random.begin(), 32, input.ephemeral_secret.begin());
  auto handshake = WireGuardHandshake::Begin(std::move(input));
  if (!handshake) return {};
  std::string request = handshake->initiation();
  return Exchange{.request = std::move(request),
                  .is_answer = [state = std::move(*handshake)](std::string_view answer) {
                    return state.ReadResponse(answer) || state.ReadCookie(answer);
                  }};
}

}  // namespace lethe::probe
