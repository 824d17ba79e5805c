// OpenVPN's control channel: packets that are numbered, acknowledged, sent again and put in order,
// under TLS. The client's side, without tls-auth and tls-crypt (OpenVPN wire protocol, sections 2
// and 3). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lethe::prober::openvpn {

// Opcodes; on the wire in the upper five bits, with the key id below.
enum class Opcode : uint8_t {
  kControlV1 = 4,
  kAckV1 = 5,
  kDataV1 = 6,
  kClientReset = 7,
  kServerReset = 8,
  kDataV2 = 9,
};

inline constexpr size_t kSessionBytes = 8;
inline constexpr size_t kMaxAcks = 8;

struct ControlPacket {
  Opcode opcode = Opcode::kControlV1;
  std::string session;         // the sender's
  std::vector<uint32_t> acks;  // at most kMaxAcks
  std::string acked_session;   // the receiver's, where there are acks
  uint32_t number = 0;         // not of kAckV1
  std::string payload;         // of kControlV1

  // Nothing where it is none of ours with key id 0, or cut.
  static std::optional<ControlPacket> Parse(std::string_view bytes);
  std::string Format() const;
};

class ControlChannel {
 public:
  // `session` is random, kSessionBytes of it.
  explicit ControlChannel(std::string session) : session_(std::move(session)) {}

  // The client's reset, then pieces of TLS. What may be sent now is in TakeOutput.
  void SendReset();
  void Send(std::string_view payload);

  // False where the packet is not one of this session. What came in order is in TakePayload.
  bool Take(std::string_view bytes);
  std::string TakePayload();

  // Packets to send now: new ones, or acknowledgements alone.
  std::vector<std::string> TakeOutput();
  // All that nobody acknowledged, again.
  std::vector<std::string> Unacknowledged();
  bool all_acknowledged() const { return in_flight_.empty() && waiting_.empty(); }
  bool reset_answered() const { return !their_session_.empty(); }

 private:
  std::string Format(const ControlPacket& packet);
  void Queue(Opcode opcode, std::string payload);

  const std::string session_;
  std::string their_session_;
  uint32_t next_number_ = 0;
  std::vector<ControlPacket> waiting_;           // not sent yet: the window is full
  std::map<uint32_t, ControlPacket> in_flight_;  // sent, not acknowledged
  std::vector<uint32_t> to_acknowledge_;
  uint32_t expected_ = 0;  // the next number of theirs
  std::map<uint32_t, std::string> out_of_order_;
  std::string payload_;
};

}  // namespace lethe::prober::openvpn
