// The peer's side of EAP (RFC 3748) with MS-CHAPv2 (draft-kamath-pppext-eap-mschapv2). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/ms_chap.h"
#include "prober/attempt.h"

namespace lethe::prober {

class EapPeer {
 public:
  enum class State {
    kGoingOn,
    kSucceeded,  // and the server knew the password too
    kRefused,    // the password, or all that we can do
    kMalformed,
    kImpostor,  // the server does not know the password
  };

  EapPeer(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

  // The answer to send; nothing where none is due. state() is new afterwards.
  std::optional<std::string> Answer(std::string_view packet, const World& world);
  State state() const { return state_; }
  // Whether the server has said that it refuses, and only waits for us to hear it.
  bool refused() const { return refused_; }
  // EAP's MSK, 64 bytes. Precondition: kSucceeded.
  std::string Msk() const;

 private:
  std::optional<std::string> MsChapAnswer(std::string_view data, const World& world);
  std::string Challenged(std::string_view data, const World& world);

  const std::string user_, password_;
  State state_ = State::kGoingOn;
  bool refused_ = false, proven_ = false;
  std::optional<crypto::MsChap> chap_;
};

}  // namespace lethe::prober
