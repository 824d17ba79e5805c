#include "apps/lethe-test-sk/authenticator.h"

#include <sys/random.h>

#include "apps/lethe-test-sk/vendor.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/ssh_wire.h"

namespace lethe::test_sk {
namespace {

constexpr std::string_view kHandleMagic = "lethe-test-sk 1";
constexpr uint8_t kFlagAttested = 0x40;

Error Refuse(std::string_view what) { return {ErrorCode::kUntrusted, std::string(what)}; }

Error BadValue(std::string_view name, std::string_view value, std::string_view allowed) {
  return {ErrorCode::kUsage,
          std::string(name) + "='" + Printable(value) + "': allowed: " + std::string(allowed)};
}

Result<Settings::Answer> ReadAnswer(const char* name, const std::optional<std::string>& value,
                                    std::string_view allowed) {
  if (!value || *value == "yes") return Settings::Answer::kYes;
  if (*value == "no") return Settings::Answer::kNo;
  if (*value == "refuse") return Settings::Answer::kRefuse;
  return BadValue(name, *value, allowed);
}

// The flags that the device puts into its answer, or why there is none.
Result<uint8_t> AskPerson(const Settings& settings, const Request& request) {
  if (settings.touch == Settings::Answer::kRefuse) return Refuse("nobody touched it in time");
  if (request.wants_pin && settings.pin == Settings::Answer::kRefuse)
    return Refuse("the PIN was refused");
  uint8_t flags = settings.touch == Settings::Answer::kYes ? trust::kFlagUserPresent : 0;
  if (settings.pin != Settings::Answer::kYes) return flags;
  if (settings.pin_on_device || (request.pin && *request.pin == kPin))
    return static_cast<uint8_t>(flags | trust::kFlagUserVerified);
  if (request.pin) return Refuse("wrong PIN");
  if (request.wants_pin) return Error{ErrorCode::kUnavailable, "the PIN is needed"};
  return flags;
}

Result<uint32_t> NextCounter(const Settings& settings) {
  if (settings.counter) return *settings.counter;
  if (settings.state_file.empty()) return uint32_t{0};
  const auto lock = LETHE_TRY(FileLock::Acquire(settings.state_file + ".lock"));
  const auto state = ReadFile(settings.state_file, 64);
  if (!state && state.error().code != ErrorCode::kNotFound) return state.error();
  const auto before = ParseUnsigned<uint32_t>(state ? Trim(*state) : "0");
  if (!before) return Error{ErrorCode::kMalformed, settings.state_file + ": no counter"};
  LETHE_TRY(WriteFileAtomic(settings.state_file, std::to_string(*before + 1) + "\n", 0600));
  return *before + 1;
}

Result<trust::SoftwareKey> OpenHandle(const Request& request, std::string_view handle) {
  trust::SshReader reader(handle);
  const std::string_view magic = LETHE_TRY(reader.String("the handle's name"));
  const std::string_view secret = LETHE_TRY(reader.String("the secret"));
  LETHE_TRY(reader.Finish());
  if (magic != kHandleMagic) return Error{ErrorCode::kMalformed, "not a key of this authenticator"};
  return trust::SoftwareKey::Create(
      {.type = request.type, .application = request.application, .secret = std::string(secret)});
}

}  // namespace

Result<Settings> ReadSettings(const Environment& environment) {
  Settings settings;
  settings.touch = LETHE_TRY(
      ReadAnswer("LETHE_TEST_SK_TOUCH", environment("LETHE_TEST_SK_TOUCH"), "yes, no, refuse"));
  auto pin = environment("LETHE_TEST_SK_PIN");
  if (pin == "device") {
    settings.pin_on_device = true;
    pin.reset();
  }
  settings.pin = LETHE_TRY(ReadAnswer("LETHE_TEST_SK_PIN", pin, "yes, device, no, refuse"));
  settings.state_file = environment("LETHE_TEST_SK_STATE").value_or("");
  if (const auto counter = environment("LETHE_TEST_SK_COUNTER")) {
    settings.counter = ParseUnsigned<uint32_t>(*counter);
    if (!settings.counter) return BadValue("LETHE_TEST_SK_COUNTER", *counter, "a number");
  }
  const auto attestation = environment("LETHE_TEST_SK_ATTESTATION").value_or("packed");
  if (attestation == "none") {
    settings.attestation.reset();
  } else if (attestation == "fido-u2f") {
    settings.attestation = trust::AttestationFormat::kFidoU2f;
  } else if (attestation != "packed") {
    return BadValue("LETHE_TEST_SK_ATTESTATION", attestation, "packed, fido-u2f, none");
  }
  return settings;
}

Result<Enrolled> Enroll(const Settings& settings, const Request& request,
                        std::string_view challenge) {
  std::string secret(trust::kSoftwareSecretBytes, '\0');
  if (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
    return IoError("reading", "random bytes");
  const auto key = LETHE_TRY(trust::SoftwareKey::Create(
      {.type = request.type, .application = request.application, .secret = secret}));
  Enrolled out;
  out.public_key = key.public_key().point;
  out.key_handle = trust::SshString(kHandleMagic) + trust::SshString(secret);
  trust::SoftwareEnrolment enrolment{.credential_id = out.key_handle};
  enrolment.flags = static_cast<uint8_t>(LETHE_TRY(AskPerson(settings, request)) | kFlagAttested);
  enrolment.counter = LETHE_TRY(NextCounter(settings));
  const std::string data = trust::SoftwareAuthenticatorData(key.public_key(), enrolment);
  out.authenticator_data = trust::CborBytes(data);
  if (settings.attestation) {
    out.certificate = VendorCertificate();
    out.signature = trust::SoftwareAttestationSignature(*settings.attestation, {data, challenge});
  }
  return out;
}

Result<Signed> Sign(const Settings& settings, const Request& request, std::string_view key_handle,
                    std::string_view message) {
  const auto key = LETHE_TRY(OpenHandle(request, key_handle));
  Signed out;
  out.flags = LETHE_TRY(AskPerson(settings, request));
  out.counter = LETHE_TRY(NextCounter(settings));
  out.raw = key.Sign({request.application, out.flags, out.counter}, message);
  return out;
}

}  // namespace lethe::test_sk
