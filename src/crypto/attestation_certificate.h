// The certificate with which a maker of authenticators vouches for a key (X.509, FIDO Alliance's
// packed attestation, WebAuthn 8.2.1). By OpenSSL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::crypto {

inline constexpr size_t kMaxAttestationCertificateBytes = 8 << 10;
inline constexpr size_t kAaguidBytes = 16;

struct AttestationCertificate {
  std::string point;                  // its P-256 public key, uncompressed
  std::string subject;                // RFC 4514
  std::optional<std::string> aaguid;  // the model that it is for, where it names one
};

// `der` must have been issued, directly, by one of the certificates `roots_pem`; those count as
// they are, whether they are roots themselves or not. Dates do not count: makers put none of
// meaning there. kMalformed where it cannot be read, or a root cannot; kUntrusted for another
// issuer, an authority, another key than P-256, a hash or key in the chain below 112 bits.
Result<AttestationCertificate> VerifyAttestationCertificate(
    std::string_view der, const std::vector<std::string>& roots_pem);

}  // namespace lethe::crypto
