// Attestations of software keys by a vendor that does not exist (tests/vectors/attestation): for
// the test authenticator and for tests. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/ecdsa.h"
#include "trust/attestation.h"
#include "trust/software_key.h"

namespace lethe::trust {

// The model of the test authenticator, 16 bytes.
std::string SoftwareAaguid();

// The secret of the attestation certificates of tests/vectors/attestation; it is no secret.
crypto::EcdsaP256Key SoftwareVendorKey();

struct SoftwareEnrolment {
  std::string credential_id;
  uint8_t flags = 0x41;  // touched, a key follows
  uint32_t counter = 0;
  std::string aaguid = SoftwareAaguid();
};

// Authenticator data (WebAuthn 6.1), without the CBOR head around it.
std::string SoftwareAuthenticatorData(const SshPublicKey& key, const SoftwareEnrolment& enrolment);

// A CBOR byte string.
std::string CborBytes(std::string_view bytes);

// By SoftwareVendorKey: DER. Precondition: `bytes.data` is authenticator data.
std::string SoftwareAttestationSignature(AttestationFormat format, const AttestationBytes& bytes);

}  // namespace lethe::trust
