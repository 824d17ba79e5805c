#include "prober/openvpn_data.h"

#include "base/assert.h"
#include "probe/bytes.h"
#include "prober/openvpn_control.h"

namespace lethe::prober::openvpn {
namespace {

using probe::AppendBigEndian;
using probe::BigEndian;

constexpr size_t kSlot = 64;  // of each key in the material: cipher and hmac, per direction
constexpr size_t kNumberBytes = 4, kTagBytes = crypto::kAeadTagBytes;
constexpr size_t kImplicitIvBytes = crypto::kAeadNonceBytes - kNumberBytes;

}  // namespace

DataChannel::DataChannel(const std::string& material, const PushedOptions& options) {
  LETHE_ASSERT(material.size() == kKeyMaterialBytes && options.cipher);
  send_key_ = {*options.cipher, material.substr(0, options.key_bytes)};
  send_iv_ = material.substr(kSlot, kImplicitIvBytes);
  receive_key_ = {*options.cipher, material.substr(2 * kSlot, options.key_bytes)};
  receive_iv_ = material.substr(3 * kSlot, kImplicitIvBytes);
  const Opcode opcode = options.peer_id ? Opcode::kDataV2 : Opcode::kDataV1;
  AppendBigEndian(head_, static_cast<uint64_t>(opcode) << 3, 1);
  if (options.peer_id) AppendBigEndian(head_, *options.peer_id, 3);
}

std::string DataChannel::Seal(std::string_view plain) {
  std::string number;
  AppendBigEndian(number, ++number_, kNumberBytes);
  // Of a packet without the peer's number the opcode is not authenticated.
  const std::string additional = (head_.size() > 1 ? head_ : "") + number;
  const std::string sealed = crypto::AeadSeal(send_key_, number + send_iv_, plain, additional);
  const size_t text = sealed.size() - kTagBytes;
  return head_ + number + sealed.substr(text) + sealed.substr(0, text);
}

std::optional<std::string> DataChannel::Open(std::string_view packet) const {
  if (packet.empty()) return {};
  const auto opcode = static_cast<Opcode>(BigEndian(packet, 0, 1) >> 3);
  if (opcode != Opcode::kDataV1 && opcode != Opcode::kDataV2) return {};
  const size_t head = opcode == Opcode::kDataV2 ? 4 : 1;
  if (packet.size() < head + kNumberBytes + kTagBytes) return {};
  const std::string_view number = packet.substr(head, kNumberBytes);
  const std::string additional(opcode == Opcode::kDataV2 ? packet.substr(0, head + kNumberBytes)
                                                         : number);
  packet.remove_prefix(head + kNumberBytes);
  const std::string sealed =
      std::string(packet.substr(kTagBytes)) + std::string(packet.substr(0, kTagBytes));
  return crypto::AeadOpen(receive_key_, std::string(number) + receive_iv_, sealed, additional);
}

}  // namespace lethe::prober::openvpn
