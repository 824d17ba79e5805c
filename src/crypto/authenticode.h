// Authenticode signatures with SHA-256 and RSA, as UEFI Secure Boot checks them: PKCS #7 SignedData
// (RFC 2315) over Microsoft's SpcIndirectDataContent, which holds the digest of a PE image. By
// OpenSSL. What we make holds no time: the same digest, key and certificate give the same bytes.
// Where the signature lies in a file: image/pe_signature.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/sha256.h"

namespace lethe::crypto {

inline constexpr size_t kMaxAuthenticodeBytes = 64 << 10;
inline constexpr int kMinRsaBits = 2048;

struct AuthenticodeSigner {
  std::string subject;              // of the certificate, RFC 4514
  Sha256Digest certificate_sha256;  // of the certificate's DER
};

// The bytes that a key signs (RSA PKCS #1 v1.5 with SHA-256) for an image with this digest: the DER
// of the signed attributes. They depend on the digest alone.
std::string AuthenticodeToBeSigned(const Sha256Digest& digest);

struct AuthenticodeSignature {
  std::string raw;              // RSA signature of AuthenticodeToBeSigned
  std::string certificate_pem;  // of the signer
};
// PKCS #7 DER. kMalformed for a bad certificate, kUsage for one whose key is not RSA of 2048 bits
// or more, kUntrusted where the signature is not one of these bytes by the certificate's key.
Result<std::string> WrapAuthenticode(const Sha256Digest& digest,
                                     const AuthenticodeSignature& signature);

struct AuthenticodeKey {
  std::string key_pem;  // not encrypted
  std::string certificate_pem;
};
// Signs here and now. kMalformed for a bad key, kUntrusted where it is not the certificate's; else
// as WrapAuthenticode.
Result<std::string> SignAuthenticode(const Sha256Digest& digest, const AuthenticodeKey& key);

// Checks that `pkcs7` (DER) is a signature of exactly this digest. With `trusted_pem`, its signer's
// certificate must be that one, or chain to it. Validity dates do not count: firmware has no clock
// that it trusts. kMalformed where it cannot be read, or `trusted_pem` cannot; kUntrusted for all
// else: another digest, a bad signature, another hash than SHA-256, a short key, a strange signer.
Result<AuthenticodeSigner> VerifyAuthenticode(std::string_view pkcs7, const Sha256Digest& digest,
                                              const std::optional<std::string>& trusted_pem);

// The DER of a certificate in PEM; kMalformed.
Result<std::string> CertificateDer(const std::string& certificate_pem);

// The size of the DER element at the begin of `bytes`; kMalformed where there is none.
Result<size_t> DerBytes(std::string_view bytes);

}  // namespace lethe::crypto
