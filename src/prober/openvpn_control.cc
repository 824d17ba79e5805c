#include "prober/openvpn_control.h"

#include <algorithm>
#include <utility>

#include "probe/bytes.h"

namespace lethe::prober::openvpn {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr size_t kMaxPiece = 1100;  // of TLS in one packet
constexpr size_t kSendWindow = 6;   // what a server takes out of order is more
constexpr uint32_t kReceiveWindow = 12;
constexpr size_t kMaxPayload = 1 << 20;  // that nobody took yet

bool IsControl(uint64_t opcode) {
  return opcode == static_cast<uint8_t>(Opcode::kControlV1) ||
         opcode == static_cast<uint8_t>(Opcode::kAckV1) ||
         opcode == static_cast<uint8_t>(Opcode::kServerReset);
}

}  // namespace

std::optional<ControlPacket> ControlPacket::Parse(std::string_view bytes) {
  constexpr size_t kHead = 1 + kSessionBytes + 1;
  if (bytes.size() < kHead) return {};
  const uint64_t first = BigEndian(bytes, 0, 1);
  if ((first & 7) != 0 || !IsControl(first >> 3)) return {};
  ControlPacket out{.opcode = static_cast<Opcode>(first >> 3)};
  out.session = bytes.substr(1, kSessionBytes);
  const uint64_t acks = BigEndian(bytes, 1 + kSessionBytes, 1);
  bytes.remove_prefix(kHead);
  if (acks > kMaxAcks || bytes.size() < acks * 4 + (acks > 0 ? kSessionBytes : 0)) return {};
  for (uint64_t i = 0; i < acks; ++i)
    out.acks.push_back(static_cast<uint32_t>(BigEndian(bytes, i * 4, 4)));
  bytes.remove_prefix(acks * 4);
  if (acks > 0) {
    out.acked_session = bytes.substr(0, kSessionBytes);
    bytes.remove_prefix(kSessionBytes);
  }
  if (out.opcode == Opcode::kAckV1) return out;
  if (bytes.size() < 4) return {};
  out.number = static_cast<uint32_t>(BigEndian(bytes, 0, 4));
  out.payload = bytes.substr(4);
  return out;
}

std::string ControlPacket::Format() const {
  std::string out(1, static_cast<char>(static_cast<uint8_t>(opcode) << 3));
  out += session;
  AppendBigEndian(out, acks.size(), 1);
  for (const uint32_t ack : acks) AppendBigEndian(out, ack, 4);
  if (!acks.empty()) out += acked_session;
  if (opcode == Opcode::kAckV1) return out;
  AppendBigEndian(out, number, 4);
  return out + payload;
}

std::string ControlChannel::Format(const ControlPacket& packet) {
  ControlPacket with_acks = packet;
  const size_t count = std::min(to_acknowledge_.size(), kMaxAcks);
  const auto end = to_acknowledge_.begin() + static_cast<std::ptrdiff_t>(count);
  with_acks.acks.assign(to_acknowledge_.begin(), end);
  with_acks.acked_session = their_session_;
  to_acknowledge_.erase(to_acknowledge_.begin(), end);
  return with_acks.Format();
}

void ControlChannel::Queue(Opcode opcode, std::string payload) {
  waiting_.push_back({.opcode = opcode,
                      .session = session_,
                      .number = next_number_++,
                      .payload = std::move(payload)});
}

void ControlChannel::SendReset() { Queue(Opcode::kClientReset, ""); }

void ControlChannel::Send(std::string_view payload) {
  for (; !payload.empty(); payload.remove_prefix(std::min(payload.size(), kMaxPiece)))
    Queue(Opcode::kControlV1, std::string(payload.substr(0, kMaxPiece)));
}

bool ControlChannel::Take(std::string_view bytes) {
  auto packet = ControlPacket::Parse(bytes);
  if (!packet) return false;
  if (!packet->acks.empty() && packet->acked_session != session_) return false;
  const bool reset = packet->opcode == Opcode::kServerReset;
  if (their_session_.empty()) {
    // Nothing is theirs before the reset that acknowledges ours.
    if (!reset || packet->number != 0 || packet->acks.empty()) return false;
    their_session_ = packet->session;
  }
  if (packet->session != their_session_) return false;
  for (const uint32_t ack : packet->acks) in_flight_.erase(ack);
  if (packet->opcode == Opcode::kAckV1) return true;
  const uint32_t number = packet->number;
  if (number >= expected_ + kReceiveWindow) return true;
  to_acknowledge_.push_back(number);
  if (to_acknowledge_.size() > 4 * kMaxAcks) to_acknowledge_.erase(to_acknowledge_.begin());
  if (number < expected_) return true;  // again: our acknowledgement was lost
  out_of_order_.emplace(number, std::move(packet->payload));
  while (!out_of_order_.empty() && out_of_order_.begin()->first == expected_) {
    if (payload_.size() < kMaxPayload) payload_ += out_of_order_.begin()->second;
    out_of_order_.erase(out_of_order_.begin());
    ++expected_;
  }
  return true;
}

std::string ControlChannel::TakePayload() { return std::exchange(payload_, {}); }

std::vector<std::string> ControlChannel::TakeOutput() {
  std::vector<std::string> out;
  while (!waiting_.empty() && in_flight_.size() < kSendWindow) {
    const ControlPacket packet = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    out.push_back(Format(packet));
    in_flight_.emplace(packet.number, packet);
  }
  while (!to_acknowledge_.empty())
    out.push_back(Format({.opcode = Opcode::kAckV1, .session = session_}));
  return out;
}

std::vector<std::string> ControlChannel::Unacknowledged() {
  std::vector<std::string> out;
  for (const auto& [number, packet] : in_flight_) out.push_back(Format(packet));
  return out;
}

}  // namespace lethe::prober::openvpn
