#include "crypto/attestation_certificate.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/der.h"
#include "crypto/ecdsa.h"
#include "crypto/openssl.h"

namespace lethe::crypto {
namespace {

using Object = Owned<ASN1_OBJECT, ASN1_OBJECT_free>;

constexpr const char* kAaguidExtension = "1.3.6.1.4.1.45724.1.1.4";  // id-fido-gen-ce-aaguid

Error Untrusted(std::string_view what) {
  ERR_clear_error();
  return Error{ErrorCode::kUntrusted, "attestation certificate " + std::string(what)};
}

Result<Certificate> ReadDer(std::string_view der) {
  if (der.empty() || der.size() > kMaxAttestationCertificateBytes)
    return Error{ErrorCode::kMalformed,
                 "attestation certificate of " + std::to_string(der.size()) + " bytes"};
  const unsigned char* at = Unsigned(der);
  Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr) return OpenSslMalformed("attestation certificate: not X.509 in DER");
  if (at != Unsigned(der) + der.size())
    return Error{ErrorCode::kMalformed, "attestation certificate: bytes behind it"};
  return certificate;
}

Result<std::string> PointOf(X509* certificate, const std::string& subject) {
  std::string point(kP256PointBytes, '\0');
  char group[32] = "";
  size_t size = 0;
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_is_a(key, "EC") != 1 ||
      EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group, &size) !=
          1 ||
      std::string_view(group) != "prime256v1" ||
      EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, Unsigned(point), point.size(),
                                      &size) != 1 ||
      size != point.size() || !IsP256Point(point)) {
    return Untrusted("of " + subject + ": its key is not of the curve P-256");
  }
  return point;
}

// The octet string inside the extension's octet string.
Result<std::optional<std::string>> AaguidOf(X509* certificate) {
  const Object oid(OBJ_txt2obj(kAaguidExtension, 1));
  LETHE_ASSERT(oid != nullptr);
  const int at = X509_get_ext_by_OBJ(certificate, oid.get(), -1);
  if (at < 0) return std::optional<std::string>();
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
  DerReader reader({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                    static_cast<size_t>(ASN1_STRING_length(value))});
  const DerElement element =
      LETHE_TRY_IN(reader.Expect(kDerOctetString), "attestation certificate: its AAGUID");
  if (!reader.done() || element.content.size() != kAaguidBytes ||
      X509_get_ext_by_OBJ(certificate, oid.get(), at) >= 0) {
    return Error{ErrorCode::kMalformed,
                 "attestation certificate: its AAGUID is not one of 16 bytes"};
  }
  return std::optional<std::string>(element.content);
}

}  // namespace

Result<AttestationCertificate> VerifyAttestationCertificate(
    std::string_view der, const std::vector<std::string>& roots_pem) {
  ERR_clear_error();
  const Certificate certificate = LETHE_TRY(ReadDer(der));
  AttestationCertificate out;
  out.subject = SubjectOf(certificate.get());
  out.aaguid = LETHE_TRY(AaguidOf(certificate.get()));
  const Store store = LETHE_TRY(TrustOnly(roots_pem));
  const StoreContext context(X509_STORE_CTX_new());
  LETHE_ASSERT(context != nullptr &&
               X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr) == 1);
  if (X509_verify_cert(context.get()) != 1) {
    const int why = X509_STORE_CTX_get_error(context.get());
    return Untrusted("of " + out.subject + ": no trusted root issued it (" +
                     X509_verify_cert_error_string(why) + ")");
  }
  if (X509_check_ca(certificate.get()) != 0)
    return Untrusted("of " + out.subject + ": it is one of an authority");
  out.point = LETHE_TRY(PointOf(certificate.get(), out.subject));
  ERR_clear_error();
  return out;
}

}  // namespace lethe::crypto
