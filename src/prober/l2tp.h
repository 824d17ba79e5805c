// L2TP version 2 (RFC 2661), the caller's side (LAC) of one tunnel with one session: control
// messages that are numbered and acknowledged, and PPP in data messages. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lethe::prober::l2tp {

inline constexpr uint16_t kPort = 1701;

class Tunnel {
 public:
  enum class State {
    kOpening,
    kOpen,    // PPP may go
    kClosed,  // the server closed it, or refused
  };

  // Numbers of our tunnel and session; not zero.
  Tunnel(uint16_t tunnel, uint16_t session) : tunnel_(tunnel), session_(session) {}

  void Open();
  void Close();
  // False where it is no message of this tunnel.
  bool Take(std::string_view bytes);
  State state() const { return state_; }
  // Why it was closed: the result code of the server's message, 0 where it gave none.
  uint16_t result() const { return result_; }

  // Frames of PPP that came, without flags and check sums.
  std::vector<std::string> TakeFrames() { return std::exchange(frames_, {}); }
  std::string Wrap(std::string_view frame) const;

  // Messages to send now, and all that nobody acknowledged.
  std::vector<std::string> TakeOutput() { return std::exchange(output_, {}); }
  std::vector<std::string> Unacknowledged() const;
  bool all_acknowledged() const { return in_flight_.empty(); }

 private:
  void Send(uint16_t type, const std::string& attributes);
  std::string Format(uint16_t number, const std::string& body, uint16_t session) const;
  bool TakeControl(std::string_view bytes);
  bool TakeData(std::string_view bytes);
  void OnMessage(std::string_view attributes);

  struct Sent {
    std::string body;
    uint16_t session = 0;
  };

  const uint16_t tunnel_, session_;
  uint16_t their_tunnel_ = 0, their_session_ = 0;
  State state_ = State::kOpening;
  uint16_t result_ = 0;
  uint16_t next_sent_ = 0, next_received_ = 0;
  std::map<uint16_t, Sent> in_flight_;
  std::vector<std::string> output_, frames_;
};

}  // namespace lethe::prober::l2tp
