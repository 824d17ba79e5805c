// liblethe-test-sk.so: OpenSSH loads it where SSH_SK_PROVIDER names it. Keys in software, for tests
// and demonstrations; never part of an image. What ssh-keygen, ssh-agent and git do with it is what
// they do with hardware.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "apps/lethe-test-sk/authenticator.h"
#include "apps/lethe-test-sk/sk_api.h"

#define LETHE_EXPORT __attribute__((visibility("default")))

namespace lethe::test_sk {
namespace {

void Say(const std::string& text) { std::fprintf(stderr, "lethe-test-sk: %s\n", text.c_str()); }

int Report(const Error& error) {
  if (error.code == ErrorCode::kUnavailable) return kSkErrorPinRequired;
  Say(error.message);
  return kSkErrorGeneral;
}

std::optional<std::string> Variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<Request> MakeRequest(uint32_t algorithm, const char* application, uint8_t flags,
                            const char* pin) {
  if (algorithm != kSkEcdsa && algorithm != kSkEd25519)
    return Error{ErrorCode::kUsage, "algorithm " + std::to_string(algorithm)};
  Request request;
  request.type = algorithm == kSkEcdsa ? trust::KeyType::kSkEcdsaP256 : trust::KeyType::kSkEd25519;
  request.application = application;
  request.wants_pin = (flags & kSkPinRequired) != 0;
  if (pin != nullptr) request.pin = pin;
  return request;
}

std::string_view View(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// A copy that OpenSSH frees.
void Give(std::string_view bytes, uint8_t*& to, size_t& size) {
  to = static_cast<uint8_t*>(std::malloc(bytes.empty() ? 1 : bytes.size()));
  LETHE_ASSERT(to != nullptr);
  std::memcpy(to, bytes.data(), bytes.size());
  size = bytes.size();
}

template <typename T>
T* Allocate() {
  auto* out = static_cast<T*>(std::calloc(1, sizeof(T)));
  LETHE_ASSERT(out != nullptr);
  return out;
}

}  // namespace
}  // namespace lethe::test_sk

extern "C" {

LETHE_EXPORT uint32_t sk_api_version(void) { return kSkApiVersion; }

LETHE_EXPORT int sk_enroll(uint32_t algorithm, const uint8_t* challenge, size_t challenge_len,
                           const char* application, uint8_t flags, const char* pin, sk_option**,
                           sk_enroll_response** response) {
  using namespace lethe::test_sk;
  const auto settings = ReadSettings(Variable);
  if (!settings) return Report(settings.error());
  const auto request = MakeRequest(algorithm, application, flags, pin);
  if (!request) return kSkErrorUnsupported;
  const auto enrolled = Enroll(*settings, *request, View(challenge, challenge_len));
  if (!enrolled) return Report(enrolled.error());
  Say("WARNING: this key lives in software: for tests only");
  auto* out = Allocate<sk_enroll_response>();
  out->flags = flags;
  Give(enrolled->public_key, out->public_key, out->public_key_len);
  Give(enrolled->key_handle, out->key_handle, out->key_handle_len);
  Give(enrolled->signature, out->signature, out->signature_len);
  Give(enrolled->certificate, out->attestation_cert, out->attestation_cert_len);
  Give(enrolled->authenticator_data, out->authdata, out->authdata_len);
  *response = out;
  return 0;
}

LETHE_EXPORT int sk_sign(uint32_t algorithm, const uint8_t* message, size_t message_len,
                         const char* application, const uint8_t* key_handle, size_t key_handle_len,
                         uint8_t flags, const char* pin, sk_option**, sk_sign_response** response) {
  using namespace lethe::test_sk;
  const auto settings = ReadSettings(Variable);
  if (!settings) return Report(settings.error());
  const auto request = MakeRequest(algorithm, application, flags, pin);
  if (!request) return kSkErrorUnsupported;
  const auto made =
      Sign(*settings, *request, View(key_handle, key_handle_len), View(message, message_len));
  if (!made) return Report(made.error());
  Say("WARNING: signing with a key in software: for tests only");
  auto* out = Allocate<sk_sign_response>();
  out->flags = made->flags;
  out->counter = made->counter;
  const std::string_view raw = made->raw;
  const size_t first = algorithm == kSkEcdsa ? raw.size() / 2 : raw.size();
  Give(raw.substr(0, first), out->sig_r, out->sig_r_len);
  if (first < raw.size()) Give(raw.substr(first), out->sig_s, out->sig_s_len);
  *response = out;
  return 0;
}

// Resident keys: it has none.
LETHE_EXPORT int sk_load_resident_keys(const char*, sk_option**, sk_resident_key***, size_t*) {
  return kSkErrorUnsupported;
}

}  // extern "C"
