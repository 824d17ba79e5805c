// The attestation that ssh-keygen writes when it enrolls a key (PROTOCOL.u2f, "ssh-sk-attest-v01";
// WebAuthn 6.5, 8.2, 8.6): the maker of the authenticator says that the key was made in one. Pure.
//   string "ssh-sk-attest-v01" | string certificate (DER) | string signature
//   string authenticator data (a CBOR byte string) | u32 0 | string ""
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/ssh_key.h"

namespace lethe::trust {

inline constexpr size_t kMaxAttestationBytes = 32 << 10;
inline constexpr size_t kMinChallengeBytes = 16;

enum class AttestationFormat { kPacked, kFidoU2f };
std::string_view ToString(AttestationFormat format);  // "packed"

// What an attestation has to be about.
struct AttestationSubject {
  const SshPublicKey& key;
  std::string_view challenge;  // that ssh-keygen was given: fresh and random
};

struct Attestation {
  AttestationFormat format = AttestationFormat::kPacked;
  std::string vendor;  // subject of the certificate
  std::string aaguid;  // 16 bytes: the model; zeros where the authenticator does not say
  bool pin_verified = false;
  uint32_t counter = 0;
};

// kMalformed for anything that cannot be read; kUntrusted for another key, application or
// challenge, a key made without touch, another issuer than `roots_pem`, a certificate of another
// model, a bad signature, or none.
Result<Attestation> VerifyAttestation(std::string_view blob, const AttestationSubject& subject,
                                      const std::vector<std::string>& roots_pem);

// Of the authenticator data (WebAuthn 6.1).
struct AuthenticatorData {
  std::string application_sha256;
  uint8_t flags = 0;
  uint32_t counter = 0;
  std::string aaguid;
  std::string credential_id;
  KeyType type = KeyType::kSkEd25519;
  std::string point;
};

// The bytes that a maker signs. `data` is the authenticator data without its CBOR head.
struct AttestationBytes {
  std::string_view data;
  std::string_view challenge;
};
// Precondition: `bytes.data` is what `parsed` was read from.
std::string AttestationMessage(AttestationFormat format, const AuthenticatorData& parsed,
                               const AttestationBytes& bytes);

// kMalformed.
Result<AuthenticatorData> ParseAuthenticatorData(std::string_view data);

}  // namespace lethe::trust
