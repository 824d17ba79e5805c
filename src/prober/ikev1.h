// IKEv1 as L2TP's clients speak it: main mode with a preshared key, quick mode for UDP port 1701 in
// transport mode, always as if behind a NAT. A part of an attempt: it says what to send. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prober/attempt.h"
#include "prober/esp.h"
#include "prober/ike_message.h"
#include "prober/ikev1_keys.h"
#include "prober/inner.h"

namespace lethe::prober::ike {

struct Ikev1Options {
  std::string psk;
  std::vector<Suite> ike, esp;  // at least one each, all with AES-CBC
  IpAddress server;
  uint16_t port = 500;
};

class Ikev1 {
 public:
  enum class Taken {
    kNothing,    // not for us, or again
    kMalformed,  // not the protocol
    kAdvanced,   // message() is a new one
    kDone,       // the tunnel of IPsec stands; message() is sent once
    kFailed,     // see verdict()
  };

  Ikev1(Ikev1Options options, const World& world);

  // What is to be sent, again and again until something new is due, and whether to the port of
  // NAT traversal.
  const std::string& message() const { return message_; }
  bool on_nat_port() const { return phase_ >= Phase::kProof; }

  // A message without the marker of the NAT's port.
  Taken Take(std::string_view bytes);
  const Verdict& verdict() const { return verdict_; }
  // Whether the server has yet to show that it has the same preshared key.
  bool awaits_proof() const { return phase_ == Phase::kProof; }

  // Precondition: kDone was returned.
  Esp MakeEsp() const;
  // Deletions of what stands, to be sent once.
  std::vector<std::string> Deletions();

 private:
  enum class Phase { kSa, kKeys, kProof, kQuick, kDone };

  std::string Plain(const Payloads& payloads) const;
  std::string NatHash(const IpAddress& address, uint16_t port) const;
  std::string Quick(const Payloads& payloads, const std::string& before);
  Taken Fail(Reason reason, std::string detail);
  Taken TakeSa(const Payloads& payloads);
  Taken TakeKeys(const Payloads& payloads);
  Taken TakeProof(const Message& message);
  Taken TakeQuick(const Message& message);
  Taken TakeInformational(const Message& message);
  void StartQuick();

  const Ikev1Options options_;
  const World& world_;
  Phase phase_ = Phase::kSa;
  Verdict verdict_;
  std::string message_, sa_body_, cookie_i_, cookie_r_, nonce_;
  Suite suite_, esp_suite_;
  std::optional<crypto::KeyExchange> exchange_;
  std::optional<Phase1Keys> keys_;
  std::string iv_, last_block_;
  uint32_t quick_id_ = 0;
  std::string quick_nonce_, quick_nonces_, our_spi_, their_spi_;
};

}  // namespace lethe::prober::ike
