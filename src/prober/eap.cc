#include "prober/eap.h"

#include "base/assert.h"
#include "probe/bytes.h"

namespace lethe::prober {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr uint8_t kRequest = 1, kResponse = 2, kSuccess = 3, kFailure = 4;
constexpr uint8_t kIdentity = 1, kNotification = 2, kNak = 3, kMsChapV2 = 26;
constexpr char kChallenge = 1, kChallengeResponse = 2, kMsSuccess = 3, kMsFailure = 4;
constexpr size_t kHead = 4, kMsHead = 4, kResponseValueBytes = 49, kMskBytes = 64;

std::string Respond(uint8_t id, uint8_t type, const std::string& data) {
  std::string out;
  AppendBigEndian(out, kResponse, 1);
  AppendBigEndian(out, id, 1);
  AppendBigEndian(out, kHead + 1 + data.size(), 2);
  AppendBigEndian(out, type, 1);
  return out + data;
}

}  // namespace

std::string EapPeer::Challenged(std::string_view data, const World& world) {
  const std::string peer_challenge = world.random(crypto::kMsChapChallengeBytes);
  chap_ = crypto::MsChap::Make({.user = user_,
                                .password = password_,
                                .authenticator_challenge = std::string(
                                    data.substr(kMsHead + 1, crypto::kMsChapChallengeBytes)),
                                .peer_challenge = peer_challenge});
  LETHE_ASSERT(chap_.has_value());  // the credentials were checked when they were read
  std::string out{kChallengeResponse, data[1]};
  AppendBigEndian(out, kMsHead + 1 + kResponseValueBytes + user_.size(), 2);
  AppendBigEndian(out, kResponseValueBytes, 1);
  return out + peer_challenge + std::string(8, '\0') + chap_->nt_response() + '\0' + user_;
}

// Nothing, and kMalformed, where it is none.
std::optional<std::string> EapPeer::MsChapAnswer(std::string_view data, const World& world) {
  const char code = data.empty() ? '\0' : data[0];
  if (code == kChallenge) {
    const bool good = data.size() >= kMsHead + 1 + crypto::kMsChapChallengeBytes &&
                      BigEndian(data, kMsHead, 1) == crypto::kMsChapChallengeBytes;
    if (good) return Challenged(data, world);
  } else if (code == kMsSuccess && chap_ && data.size() > kMsHead) {
    proven_ = data.substr(kMsHead).starts_with(chap_->authenticator_response());
    if (proven_) return std::string(1, kMsSuccess);
    state_ = State::kImpostor;
    return {};
  } else if (code == kMsFailure) {
    refused_ = true;
    return std::string(1, kMsFailure);
  }
  state_ = State::kMalformed;
  return {};
}

std::optional<std::string> EapPeer::Answer(std::string_view packet, const World& world) {
  if (packet.size() < kHead || BigEndian(packet, 2, 2) != packet.size()) {
    state_ = State::kMalformed;
    return {};
  }
  const uint64_t code = BigEndian(packet, 0, 1);
  const auto id = static_cast<uint8_t>(packet[1]);
  if (code == kSuccess || code == kFailure) {
    const bool good = code == kSuccess && proven_;
    state_ = good ? State::kSucceeded : code == kFailure ? State::kRefused : State::kImpostor;
    return {};
  }
  if (code != kRequest || packet.size() == kHead) {
    state_ = State::kMalformed;
    return {};
  }
  const uint64_t type = BigEndian(packet, kHead, 1);
  const std::string_view data = packet.substr(kHead + 1);
  switch (type) {
    case kIdentity:
      return Respond(id, kIdentity, user_);
    case kNotification:
      return Respond(id, kNotification, "");
    case kMsChapV2:
      if (const auto answer = MsChapAnswer(data, world)) return Respond(id, kMsChapV2, *answer);
      return {};
    default:  // another method: this one, please
      return Respond(id, kNak, std::string(1, static_cast<char>(kMsChapV2)));
  }
}

std::string EapPeer::Msk() const {
  LETHE_ASSERT(state_ == State::kSucceeded && chap_.has_value());
  std::string out = chap_->session_keys();
  out.resize(kMskBytes, '\0');
  return out;
}

}  // namespace lethe::prober
