// PPP (RFC 1661) as a client in a tunnel speaks it: LCP, CHAP with MD5 or MS-CHAPv2 (RFC 1994,
// RFC 2759), IPCP (RFC 1332). Nothing is compressed or encrypted; what else is asked for is
// refused. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/ms_chap.h"
#include "prober/attempt.h"
#include "prober/inner.h"

namespace lethe::prober {

class Ppp {
 public:
  enum class State {
    kLink,            // LCP
    kAuthentication,  // CHAP
    kNetwork,         // IPCP
    kUp,              // address() is ours
    kRefused,         // the password
    kImpostor,        // the server does not know the password
    kEnded,           // by the server
    kNoAddress,
  };

  Ppp(std::string user, std::string password, const World& world);

  // A frame with its protocol. What to send now is in TakeOutput.
  void Take(std::string_view frame);
  // Our request that is not agreed yet, again.
  void Again();
  // Says goodbye.
  void Terminate();
  std::vector<std::string> TakeOutput() { return std::exchange(output_, {}); }

  State state() const { return state_; }
  // Precondition: kUp.
  const IpAddress& address() const { return address_; }

  static std::string WrapIp(std::string_view packet);
  // The IPv4 packet in a frame; nothing where it is another.
  static std::optional<std::string_view> UnwrapIp(std::string_view frame);

 private:
  // Of LCP and IPCP alike: what both sides want.
  struct Negotiation {
    uint8_t id = 0;          // of our last request
    bool ours = false;       // the other side took ours
    bool theirs = false;     // we took theirs
    int requests_left = 20;  // it goes round in circles
    bool agreed() const { return ours && theirs; }
  };

  void Send(uint16_t protocol, uint8_t code, uint8_t id, std::string_view data);
  void Request(uint16_t protocol);
  void OnControl(uint16_t protocol, std::string_view packet);
  void OnRequest(uint16_t protocol, uint8_t id, std::string_view options);
  void OnRefusal(uint16_t protocol, uint8_t code, std::string_view options);
  void OnChap(std::string_view packet);
  void OnChallenge(uint8_t id, std::string_view data);
  void Move();

  const std::string user_, password_;
  const World& world_;
  State state_ = State::kLink;
  Negotiation link_, network_;
  bool with_magic_ = true;
  std::string magic_;
  uint8_t chap_algorithm_ = 0;
  bool authenticated_ = false;
  std::optional<crypto::MsChap> chap_;
  IpAddress address_;
  std::vector<std::string> output_;
};

}  // namespace lethe::prober
