#include "prober/l2tp.h"

#include "probe/bytes.h"

namespace lethe::prober::l2tp {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

// RFC 2661 3.1: bits of the first word.
constexpr uint64_t kControl = 0x8000, kLength = 0x4000, kSequence = 0x0800, kOffset = 0x0200;
constexpr uint64_t kVersionMask = 0x000f, kVersion = 2;
constexpr size_t kControlHead = 12;
constexpr size_t kMaxFrames = 64;  // that nobody took yet

// 3.2 and 4.4: messages and attributes.
constexpr uint16_t kSccrq = 1, kSccrp = 2, kScccn = 3, kStopCcn = 4, kHello = 6, kIcrq = 10,
                   kIcrp = 11, kIccn = 12, kCdn = 14;
constexpr uint16_t kMessageType = 0, kResultCode = 1, kProtocolVersion = 2,
                   kFramingCapabilities = 3, kHostName = 7, kAssignedTunnel = 9, kWindow = 10,
                   kAssignedSession = 14, kCallSerial = 15, kFramingType = 19, kConnectSpeed = 24;
constexpr uint64_t kMandatory = 0x8000, kHidden = 0x4000, kAvpSize = 0x03ff;
constexpr size_t kAvpHead = 6;

std::string Avp(uint16_t type, std::string_view value) {
  std::string out;
  AppendBigEndian(out, kMandatory | (kAvpHead + value.size()), 2);
  AppendBigEndian(out, 0, 2);  // IETF's
  AppendBigEndian(out, type, 2);
  return out.append(value);
}

std::string AvpNumber(uint16_t type, uint64_t value, int bytes) {
  std::string out;
  AppendBigEndian(out, value, bytes);
  return Avp(type, out);
}

// Attributes of two bytes and more, by their type; what is hidden is not for us.
std::optional<std::map<uint16_t, uint16_t>> ReadAvps(std::string_view bytes) {
  std::map<uint16_t, uint16_t> out;
  while (!bytes.empty()) {
    if (bytes.size() < kAvpHead) return {};
    const uint64_t head = BigEndian(bytes, 0, 2), size = head & kAvpSize;
    if (size < kAvpHead || size > bytes.size()) return {};
    const bool ours = BigEndian(bytes, 2, 2) == 0 && (head & kHidden) == 0;
    if (ours && size >= kAvpHead + 2)
      out[static_cast<uint16_t>(BigEndian(bytes, 4, 2))] =
          static_cast<uint16_t>(BigEndian(bytes, kAvpHead, 2));
    bytes.remove_prefix(size);
  }
  return out;
}

// Whether `a` comes before `b`, in numbers that wrap round (5.8).
bool Before(uint16_t a, uint16_t b) { return a != b && static_cast<uint16_t>(b - a) < 0x8000; }

}  // namespace

std::string Tunnel::Format(uint16_t number, const std::string& body, uint16_t session) const {
  std::string out;
  AppendBigEndian(out, kControl | kLength | kSequence | kVersion, 2);
  AppendBigEndian(out, kControlHead + body.size(), 2);
  AppendBigEndian(out, their_tunnel_, 2);
  AppendBigEndian(out, session, 2);
  AppendBigEndian(out, number, 2);
  AppendBigEndian(out, next_received_, 2);
  return out + body;
}

void Tunnel::Send(uint16_t type, const std::string& attributes) {
  const bool of_session = type == kIccn || type == kCdn;
  Sent sent{AvpNumber(kMessageType, type, 2) + attributes,
            of_session ? their_session_ : uint16_t{0}};
  output_.push_back(Format(next_sent_, sent.body, sent.session));
  in_flight_.emplace(next_sent_++, std::move(sent));
}

void Tunnel::Open() {
  Send(kSccrq, AvpNumber(kProtocolVersion, 0x0100, 2) + AvpNumber(kFramingCapabilities, 3, 4) +
                   Avp(kHostName, "probe") + AvpNumber(kAssignedTunnel, tunnel_, 2) +
                   AvpNumber(kWindow, 4, 2));
}

void Tunnel::Close() {
  if (their_tunnel_ == 0 || state_ == State::kClosed) return;
  state_ = State::kClosed;
  in_flight_.clear();
  // With the tunnel goes its session (5.7).
  Send(kStopCcn, AvpNumber(kAssignedTunnel, tunnel_, 2) + AvpNumber(kResultCode, 1, 2));
}

std::vector<std::string> Tunnel::Unacknowledged() const {
  std::vector<std::string> out;
  for (const auto& [number, sent] : in_flight_)
    out.push_back(Format(number, sent.body, sent.session));
  return out;
}

bool Tunnel::Take(std::string_view bytes) {
  if (bytes.size() < 6) return false;
  const uint64_t flags = BigEndian(bytes, 0, 2);
  if ((flags & kVersionMask) != kVersion) return false;
  return (flags & kControl) != 0 ? TakeControl(bytes) : TakeData(bytes);
}

bool Tunnel::TakeControl(std::string_view bytes) {
  constexpr uint64_t kBoth = kLength | kSequence;
  if (bytes.size() < kControlHead || (BigEndian(bytes, 0, 2) & kBoth) != kBoth) return false;
  const uint64_t size = BigEndian(bytes, 2, 2);
  if (size < kControlHead || size > bytes.size() || BigEndian(bytes, 4, 2) != tunnel_) return false;
  const auto number = static_cast<uint16_t>(BigEndian(bytes, 8, 2));
  const auto wanted = static_cast<uint16_t>(BigEndian(bytes, 10, 2));
  std::erase_if(in_flight_, [wanted](const auto& one) { return Before(one.first, wanted); });
  const std::string_view attributes = bytes.substr(kControlHead, size - kControlHead);
  if (attributes.empty()) return true;  // an acknowledgement alone
  if (number == next_received_) {
    ++next_received_;
    OnMessage(attributes);
  }
  // What is sent carries the acknowledgement; else one alone, whose number is not used up.
  if (output_.empty()) output_.push_back(Format(next_sent_, "", 0));
  return true;
}

void Tunnel::OnMessage(std::string_view attributes) {
  auto avps = ReadAvps(attributes);
  if (!avps) {
    state_ = State::kClosed;
    return;
  }
  switch ((*avps)[kMessageType]) {
    case kSccrp:
      if (their_tunnel_ != 0) return;
      their_tunnel_ = (*avps)[kAssignedTunnel];
      Send(kScccn, "");
      Send(kIcrq, AvpNumber(kAssignedSession, session_, 2) + AvpNumber(kCallSerial, 1, 4));
      return;
    case kIcrp:
      if (their_session_ != 0) return;
      their_session_ = (*avps)[kAssignedSession];
      Send(kIccn, AvpNumber(kConnectSpeed, 100'000'000, 4) + AvpNumber(kFramingType, 1, 4));
      state_ = State::kOpen;
      return;
    case kStopCcn:
    case kCdn:
      state_ = State::kClosed;
      result_ = (*avps)[kResultCode];
      return;
    case kHello:
    default:
      return;  // acknowledged, and no more
  }
}

bool Tunnel::TakeData(std::string_view bytes) {
  const uint64_t flags = BigEndian(bytes, 0, 2);
  size_t at = 2;
  if ((flags & kLength) != 0) {
    const uint64_t size = BigEndian(bytes, 2, 2);
    if (size > bytes.size()) return false;
    bytes = bytes.substr(0, size);
    at += 2;
  }
  if (bytes.size() < at + 4) return false;
  if (BigEndian(bytes, at, 2) != tunnel_ || BigEndian(bytes, at + 2, 2) != session_) return false;
  at += 4;
  if ((flags & kSequence) != 0) at += 4;
  if ((flags & kOffset) != 0) {
    if (bytes.size() < at + 2) return false;
    at += 2 + BigEndian(bytes, at, 2);
  }
  if (bytes.size() < at) return false;
  if (frames_.size() < kMaxFrames) frames_.emplace_back(bytes.substr(at));
  return true;
}

std::string Tunnel::Wrap(std::string_view frame) const {
  std::string out;
  AppendBigEndian(out, kVersion, 2);
  AppendBigEndian(out, their_tunnel_, 2);
  AppendBigEndian(out, their_session_, 2);
  return out.append(frame);
}

}  // namespace lethe::prober::l2tp
