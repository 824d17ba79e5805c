#include "prober/wireguard.h"

#include <algorithm>

#include "base/assert.h"
#include "crypto/aead.h"
#include "probe/bytes.h"
#include "probe/wireguard_handshake.h"

namespace lethe::prober {
namespace {

using crypto::Aead;
using crypto::AeadKey;
using probe::HandshakeInput;
using probe::WireGuardHandshake;

constexpr size_t kIndexBytes = 4, kHeaderBytes = 16, kPadding = 16;
constexpr char kResponse = 2, kTransport = 4;
constexpr size_t kResponseBytes = 92;
constexpr int kMaxInitiations = 32;  // each may be the one that is answered

std::string LittleEndian(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

class Session : public Attempt {
 public:
  Session(const WireGuardCredentials& credentials, uint16_t port, const RoundTrip& round_trip,
          World world)
      : credentials_(credentials),
        port_(port),
        world_(std::move(world)),
        request_(round_trip, credentials.address, world_) {}

  std::vector<Channel> channels() const override { return {{.stream = false, .port = port_}}; }

  void Begin(Time now) override {
    progress_.Begin(now);
    progress_.Repeat(now, [this](Time at) { return Initiate(at); });
  }

  void Take(size_t, std::string_view bytes, Time now) override {
    if (progress_.verdict()) return;
    if (session_) return TakeTransport(bytes, now);
    for (const WireGuardHandshake& sent : sent_) {
      if (auto session = sent.ReadResponse(bytes)) {
        progress_.Heard();
        session_ = std::move(session);
        progress_.Established(now);
        return progress_.Repeat(now, [this](Time at) { return Request(at); });
      }
      if (auto cookie = sent.ReadCookie(bytes)) {
        // Under load: the same again, with proof that we hear (section 5.4.7).
        progress_.Heard();
        const bool first = cookie_.empty();
        cookie_ = std::move(*cookie);
        if (first) progress_.Repeat(now, [this](Time at) { return Initiate(at); });
        return;
      }
      // Who knows our index has seen our packet.
      if (bytes.size() == kResponseBytes && bytes[0] == kResponse &&
          bytes.substr(8, kIndexBytes) == sent.index())
        return progress_.Fail(Reason::kHandshakeFailed, "the response does not fit our keys");
    }
    progress_.Malformed();
  }

  void Leave(Time) override {}
  bool left() const override { return true; }

 private:
  std::vector<Output> Initiate(Time now) {
    if (sent_.size() >= kMaxInitiations) return {};
    const auto wall = std::chrono::nanoseconds(now) + world_.wall_ahead;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wall);
    HandshakeInput input{.secret = credentials_.private_key,
                         .server_public = credentials_.server_public_key,
                         .preshared = credentials_.preshared_key,
                         .index = world_.random(kIndexBytes),
                         .now_unix_s = static_cast<uint64_t>(seconds.count()),
                         .now_ns = static_cast<uint32_t>((wall - seconds).count()),
                         .cookie = cookie_};
    const std::string secret = world_.random(input.ephemeral_secret.size());
    std::copy(secret.begin(), secret.end(), input.ephemeral_secret.begin());
    auto handshake = WireGuardHandshake::Begin(std::move(input));
    LETHE_ASSERT(handshake.has_value());
    sent_.push_back(std::move(*handshake));
    return {{.channel = 0, .bytes = sent_.back().initiation()}};
  }

  // Section 5.4.6
  std::vector<Output> Request(Time now) {
    progress_.RequestSent(now);
    std::string text = request_.packet();
    text.append((kPadding - text.size() % kPadding) % kPadding, '\0');
    const std::string counter = LittleEndian(counter_++, 8);
    const AeadKey key{Aead::kChaCha20Poly1305, probe::Text(session_->send_key)};
    return {{.channel = 0,
             .bytes = std::string{kTransport, 0, 0, 0} + session_->server_index + counter +
                      crypto::AeadSeal(key, std::string(4, '\0') + counter, text, "")}};
  }

  void TakeTransport(std::string_view bytes, Time now) {
    if (bytes.size() < kHeaderBytes || bytes[0] != kTransport) return;
    const AeadKey key{Aead::kChaCha20Poly1305, probe::Text(session_->receive_key)};
    const std::string nonce = std::string(4, '\0') + std::string(bytes.substr(8, 8));
    const auto text = crypto::AeadOpen(key, nonce, bytes.substr(kHeaderBytes), "");
    if (text && request_.IsAnswer(*text)) progress_.Answered(now);
  }

  const WireGuardCredentials credentials_;
  const uint16_t port_;
  const World world_;
  const InnerRequest request_;
  std::vector<WireGuardHandshake> sent_;
  std::string cookie_;
  std::optional<probe::WireGuardSession> session_;
  uint64_t counter_ = 0;
};

}  // namespace

std::unique_ptr<Attempt> WireGuardAttempt(const WireGuardCredentials& credentials, uint16_t port,
                                          const RoundTrip& round_trip, World world) {
  return std::make_unique<Session>(credentials, port, round_trip, std::move(world));
}

}  // namespace lethe::prober
