#include "prober/ppp.h"

#include "crypto/mac.h"
#include "probe/bytes.h"

namespace lethe::prober {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr uint16_t kIp = 0x0021, kIpcp = 0x8021, kLcp = 0xc021, kChap = 0xc223;
constexpr uint8_t kConfigureRequest = 1, kConfigureAck = 2, kConfigureNak = 3, kConfigureReject = 4,
                  kTerminateRequest = 5, kTerminateAck = 6, kProtocolReject = 8, kEchoRequest = 9,
                  kEchoReply = 10;
constexpr uint8_t kMru = 1, kAsyncMap = 2, kAuthentication = 3, kMagic = 5;  // options of LCP
constexpr uint8_t kIpAddress = 3;                                            // of IPCP
constexpr uint8_t kChapMd5 = 5, kMsChapV2 = 0x81;
constexpr uint8_t kChallenge = 1, kResponse = 2, kSuccess = 3, kFailure = 4;
constexpr size_t kHead = 4;

std::string Option(uint8_t type, std::string_view value) {
  std::string out;
  AppendBigEndian(out, type, 1);
  AppendBigEndian(out, value.size() + 2, 1);
  return out.append(value);
}

// The next option from the front, whole; nothing where it is cut.
std::optional<std::string_view> TakeOption(std::string_view& options) {
  if (options.size() < 2) return {};
  const uint64_t size = BigEndian(options, 1, 1);
  if (size < 2 || size > options.size()) return {};
  const std::string_view out = options.substr(0, size);
  options.remove_prefix(size);
  return out;
}

// 0 where it is none that we do.
uint8_t ChapAlgorithm(std::string_view option) {
  if (option.size() != 5 || BigEndian(option, 2, 2) != kChap) return 0;
  const auto algorithm = static_cast<uint8_t>(option[4]);
  return algorithm == kChapMd5 || algorithm == kMsChapV2 ? algorithm : uint8_t{0};
}

struct Frame {
  uint16_t protocol = 0;
  std::string_view packet;
};

// With or without address and control, with a protocol of two bytes or one.
std::optional<Frame> Unwrap(std::string_view frame) {
  if (frame.starts_with("\xff\x03")) frame.remove_prefix(2);
  if (frame.empty()) return {};
  if ((frame[0] & 1) != 0) return Frame{static_cast<uint8_t>(frame[0]), frame.substr(1)};
  if (frame.size() < 2) return {};
  return Frame{static_cast<uint16_t>(BigEndian(frame, 0, 2)), frame.substr(2)};
}

}  // namespace

Ppp::Ppp(std::string user, std::string password, const World& world)
    : user_(std::move(user)),
      password_(std::move(password)),
      world_(world),
      magic_(world.random(4)),
      address_{std::string(4, '\0')} {
  Request(kLcp);
}

void Ppp::Send(uint16_t protocol, uint8_t code, uint8_t id, std::string_view data) {
  std::string out = "\xff\x03";
  AppendBigEndian(out, protocol, 2);
  AppendBigEndian(out, code, 1);
  AppendBigEndian(out, id, 1);
  AppendBigEndian(out, kHead + data.size(), 2);
  output_.push_back(out.append(data));
}

void Ppp::Request(uint16_t protocol) {
  Negotiation& negotiation = protocol == kLcp ? link_ : network_;
  if (--negotiation.requests_left < 0) {
    state_ = protocol == kLcp ? State::kEnded : State::kNoAddress;
    return;
  }
  std::string options;
  if (protocol == kIpcp) options = Option(kIpAddress, address_.bytes);
  if (protocol == kLcp && with_magic_) options = Option(kMagic, magic_);
  Send(protocol, kConfigureRequest, ++negotiation.id, options);
}

void Ppp::Again() {
  if (state_ == State::kLink && !link_.ours) Request(kLcp);
  if (state_ == State::kNetwork && !network_.ours) Request(kIpcp);
}

void Ppp::Terminate() {
  if (state_ != State::kEnded) Send(kLcp, kTerminateRequest, 0xff, "");
}

void Ppp::Take(std::string_view bytes) {
  const auto frame = Unwrap(bytes);
  if (!frame) return;
  switch (frame->protocol) {
    case kLcp:
    case kIpcp:
      return OnControl(frame->protocol, frame->packet);
    case kChap:
      return OnChap(frame->packet);
    case kIp:
      return;
    default:
      break;
  }
  if (state_ == State::kLink) return;  // not before the link is open (RFC 1661 3.4)
  std::string data;
  AppendBigEndian(data, frame->protocol, 2);
  Send(kLcp, kProtocolReject, ++link_.id, data.append(frame->packet.substr(0, 64)));
}

void Ppp::OnControl(uint16_t protocol, std::string_view packet) {
  if (packet.size() < kHead || BigEndian(packet, 2, 2) < kHead ||
      BigEndian(packet, 2, 2) > packet.size())
    return;
  const auto code = static_cast<uint8_t>(packet[0]), id = static_cast<uint8_t>(packet[1]);
  const std::string_view data = packet.substr(kHead, BigEndian(packet, 2, 2) - kHead);
  Negotiation& negotiation = protocol == kLcp ? link_ : network_;
  // IPCP before the link is open and we are known is dropped; it comes again.
  if (protocol == kIpcp && state_ < State::kNetwork) return;
  switch (code) {
    case kConfigureRequest:
      OnRequest(protocol, id, data);
      break;
    case kConfigureAck:
      if (id == negotiation.id) negotiation.ours = true;
      break;
    case kConfigureNak:
    case kConfigureReject:
      if (id == negotiation.id) OnRefusal(protocol, code, data);
      break;
    case kTerminateRequest:
      Send(protocol, kTerminateAck, id, "");
      if (protocol == kIpcp) state_ = State::kNoAddress;
      if (protocol == kLcp && state_ != State::kRefused) state_ = State::kEnded;
      return;
    case kEchoRequest:
      if (protocol == kLcp && data.size() >= 4)
        Send(kLcp, kEchoReply, id, magic_ + std::string(data.substr(4, 64)));
      return;
    default:
      return;
  }
  Move();
}

// What we take: of LCP the size, the map, CHAP and the magic number; of IPCP the address.
void Ppp::OnRequest(uint16_t protocol, uint8_t id, std::string_view options) {
  std::string refused, instead;
  const std::string_view all = options;
  uint8_t algorithm = 0;
  while (!options.empty()) {
    const auto option = TakeOption(options);
    if (!option) return;
    const auto type = static_cast<uint8_t>((*option)[0]);
    const bool link = protocol == kLcp;
    if (link && type == kAuthentication) {
      algorithm = ChapAlgorithm(*option);
      if (algorithm == 0) instead += Option(kAuthentication, std::string("\xc2\x23\x81", 3));
    } else if (!(link && (type == kMru || type == kAsyncMap || type == kMagic)) &&
               !(!link && type == kIpAddress)) {
      refused += *option;
    }
  }
  if (!refused.empty()) return Send(protocol, kConfigureReject, id, refused);
  if (!instead.empty()) return Send(protocol, kConfigureNak, id, instead);
  if (protocol == kLcp) chap_algorithm_ = algorithm;
  (protocol == kLcp ? link_ : network_).theirs = true;
  Send(protocol, kConfigureAck, id, all);
}

void Ppp::OnRefusal(uint16_t protocol, uint8_t code, std::string_view options) {
  while (!options.empty()) {
    const auto option = TakeOption(options);
    if (!option) return;
    const auto type = static_cast<uint8_t>((*option)[0]);
    if (protocol == kLcp && type == kMagic) {
      magic_ = world_.random(4);
      with_magic_ = code == kConfigureNak;
    }
    if (protocol == kIpcp && type == kIpAddress && option->size() == 6) {
      if (code == kConfigureReject) state_ = State::kNoAddress;
      address_.bytes = option->substr(2);
    }
  }
  if (state_ != State::kNoAddress) Request(protocol);
}

void Ppp::OnChallenge(uint8_t id, std::string_view data) {
  if (data.empty() || chap_algorithm_ == 0) return;
  const uint64_t size = BigEndian(data, 0, 1);
  if (size > data.size() - 1) return;
  const std::string challenge(data.substr(1, size));
  std::string value;
  if (chap_algorithm_ == kChapMd5) {
    value = crypto::Digest(crypto::Hash::kMd5, static_cast<char>(id) + password_ + challenge);
  } else {
    const std::string peer = world_.random(crypto::kMsChapChallengeBytes);
    chap_ = crypto::MsChap::Make({.user = user_,
                                  .password = password_,
                                  .authenticator_challenge = challenge,
                                  .peer_challenge = peer});
    if (!chap_) return;
    value = peer + std::string(8, '\0') + chap_->nt_response() + '\0';
  }
  std::string out;
  AppendBigEndian(out, value.size(), 1);
  Send(kChap, kResponse, id, out + value + user_);
}

void Ppp::OnChap(std::string_view packet) {
  if (state_ != State::kAuthentication || packet.size() < kHead) return;
  const uint64_t size = BigEndian(packet, 2, 2);
  if (size < kHead || size > packet.size()) return;
  const std::string_view data = packet.substr(kHead, size - kHead);
  switch (static_cast<uint8_t>(packet[0])) {
    case kChallenge:
      return OnChallenge(static_cast<uint8_t>(packet[1]), data);
    case kSuccess:
      if (chap_algorithm_ == kMsChapV2 &&
          !(chap_ && data.starts_with(chap_->authenticator_response()))) {
        state_ = State::kImpostor;
        return;
      }
      authenticated_ = true;
      return Move();
    case kFailure:
      state_ = State::kRefused;
      return;
    default:
      return;
  }
}

void Ppp::Move() {
  if (state_ == State::kLink && link_.agreed()) {
    state_ = State::kAuthentication;
    authenticated_ = chap_algorithm_ == 0;
  }
  if (state_ == State::kAuthentication && authenticated_) {
    state_ = State::kNetwork;
    Request(kIpcp);
  }
  if (state_ == State::kNetwork && network_.agreed())
    state_ = address_.bytes == std::string(4, '\0') ? State::kNoAddress : State::kUp;
}

std::string Ppp::WrapIp(std::string_view packet) {
  std::string out = "\xff\x03";
  AppendBigEndian(out, kIp, 2);
  return out.append(packet);
}

std::optional<std::string_view> Ppp::UnwrapIp(std::string_view bytes) {
  const auto frame = Unwrap(bytes);
  if (!frame || frame->protocol != kIp) return {};
  return frame->packet;
}

}  // namespace lethe::prober
