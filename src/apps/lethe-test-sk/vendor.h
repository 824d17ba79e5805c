// The certificate that the test authenticator attests with: of a vendor that does not exist. The
// vendor's root is tests/vectors/attestation/root.pem.
#pragma once

#include <string>

namespace lethe::test_sk {

// DER; the same as tests/vectors/attestation/attestation.pem.
std::string VendorCertificate();

}  // namespace lethe::test_sk
