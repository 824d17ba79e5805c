// A FIDO authenticator in software, with a person whose answers are given beforehand. It makes and
// uses test keys only: the application must begin with "ssh:lethe-test".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "trust/software_attestation.h"

namespace lethe::test_sk {

// How the person answers, and what the device remembers. From the environment, see
// docs/formats/keys.md.
struct Settings {
  enum class Answer { kYes, kNo, kRefuse };
  Answer touch = Answer::kYes;  // kNo: the device answers without a touch, and says so
  // kYes: the PIN is given when a key asks for it; kNo: it answers without one, and says so.
  Answer pin = Answer::kYes;
  bool pin_on_device = false;  // as with a fingerprint reader: ssh is not asked for the PIN
  std::optional<trust::AttestationFormat> attestation = trust::AttestationFormat::kPacked;
  std::string state_file;           // holds the counter; empty: the device has none, it is always 0
  std::optional<uint32_t> counter;  // this one, whatever the state says: a cloned device
};

// The value of a variable of the environment.
using Environment = std::function<std::optional<std::string>(const char*)>;
// kUsage for a value that is not known: a test must not run with another answer than it asked for.
Result<Settings> ReadSettings(const Environment& environment);

// The PIN of every key that wants one.
inline constexpr std::string_view kPin = "1234";

// kUnavailable: ssh must ask for the PIN and call again.
struct Request {
  trust::KeyType type = trust::KeyType::kSkEd25519;
  std::string application;
  bool wants_pin = false;
  std::optional<std::string> pin;
};

struct Enrolled {
  std::string public_key;
  std::string key_handle;
  std::string certificate;  // DER; empty without attestation
  std::string signature;
  std::string authenticator_data;  // a CBOR byte string
};
Result<Enrolled> Enroll(const Settings& settings, const Request& request,
                        std::string_view challenge);

struct Signed {
  std::string raw;
  uint8_t flags = 0;
  uint32_t counter = 0;
};
Result<Signed> Sign(const Settings& settings, const Request& request, std::string_view key_handle,
                    std::string_view message);

}  // namespace lethe::test_sk
