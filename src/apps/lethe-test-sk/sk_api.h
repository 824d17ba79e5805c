// The interface between OpenSSH and a FIDO middleware library (PROTOCOL.u2f, "sk-api"), version 10.
// OpenSSH ships no header for it: these are its structures and names, as its programs expect them.
// Every pointer in an answer is allocated with malloc; OpenSSH frees it.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

constexpr uint32_t kSkApiVersion = 0x000a0000;

// Algorithms.
constexpr uint32_t kSkEcdsa = 0;
constexpr uint32_t kSkEd25519 = 1;

// Bits of `flags`: what a key asks for.
constexpr uint8_t kSkTouchRequired = 0x01;
constexpr uint8_t kSkPinRequired = 0x04;

// Answers; 0 is success.
constexpr int kSkErrorGeneral = -1;
constexpr int kSkErrorUnsupported = -2;
constexpr int kSkErrorPinRequired = -3;

struct sk_enroll_response {
  uint8_t flags;
  uint8_t* public_key;
  size_t public_key_len;
  uint8_t* key_handle;
  size_t key_handle_len;
  uint8_t* signature;
  size_t signature_len;
  uint8_t* attestation_cert;
  size_t attestation_cert_len;
  uint8_t* authdata;
  size_t authdata_len;
};

struct sk_sign_response {
  uint8_t flags;
  uint32_t counter;
  uint8_t* sig_r;  // of Ed25519: all 64 bytes
  size_t sig_r_len;
  uint8_t* sig_s;
  size_t sig_s_len;
};

struct sk_resident_key;

struct sk_option {
  char* name;
  char* value;
  uint8_t required;
};

uint32_t sk_api_version(void);

int sk_enroll(uint32_t algorithm, const uint8_t* challenge, size_t challenge_len,
              const char* application, uint8_t flags, const char* pin, sk_option** options,
              sk_enroll_response** response);

int sk_sign(uint32_t algorithm, const uint8_t* message, size_t message_len, const char* application,
            const uint8_t* key_handle, size_t key_handle_len, uint8_t flags, const char* pin,
            sk_option** options, sk_sign_response** response);

int sk_load_resident_keys(const char* pin, sk_option** options, sk_resident_key*** keys,
                          size_t* count);

}  // extern "C"
