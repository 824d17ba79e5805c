#include "crypto/authenticode.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "crypto/der.h"
#include "crypto/openssl.h"

namespace lethe::crypto {
namespace {

using Pkcs7 = Owned<PKCS7, PKCS7_free>;

// Object identifiers, as the content of their DER.
constexpr std::string_view kSpcIndirectData("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x04", 10);
constexpr std::string_view kSpcPeImageData("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0f", 10);
constexpr std::string_view kSha256("\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9);
constexpr std::string_view kRsaEncryption("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 9);
constexpr std::string_view kSignedData("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9);
constexpr std::string_view kContentType("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03", 9);
constexpr std::string_view kMessageDigest("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04", 9);

Error Untrusted(std::string_view what) {
  ERR_clear_error();
  return Error{ErrorCode::kUntrusted, "the signature " + std::string(what)};
}

std::string_view View(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size()};
}

bool IsStrongRsa(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  return key != nullptr && EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) >= kMinRsaBits;
}

std::string Sha256Algorithm() {
  return Der(kDerSequence, {Der(kDerOid, {kSha256}), Der(kDerNull, {})});
}

// SpcIndirectDataContent: SpcPeImageData with no flags and an empty file name, then the digest.
std::string IndirectData(const Sha256Digest& digest) {
  constexpr uint8_t kContext2 = kDerContext0 + 2;
  constexpr uint8_t kImplicitString0 = 0x80;
  const std::string no_flags = Der(kDerBitString, {std::string_view("\0", 1)});
  const std::string no_file = Der(kDerContext0, {Der(kContext2, {Der(kImplicitString0, {})})});
  const std::string image = Der(kDerSequence, {no_flags, no_file});
  const std::string data = Der(kDerSequence, {Der(kDerOid, {kSpcPeImageData}), image});
  const std::string info =
      Der(kDerSequence, {Sha256Algorithm(), Der(kDerOctetString, {View(digest)})});
  return Der(kDerSequence, {data, info});
}

// The signed attributes one after another, without the tag around them: it differs between what is
// signed (SET) and what is stored (context 0). In the order of DER.
std::string Attributes(const Sha256Digest& digest) {
  const std::string content = IndirectData(digest);
  // What counts is the content of the outermost element (RFC 2315, 9.3).
  const auto element = DerReader(content).Next();
  LETHE_ASSERT(element.has_value());
  const Sha256Digest message = Sha256Of(element->content);
  const std::string type = Der(kDerSequence, {Der(kDerOid, {kContentType}),
                                              Der(kDerSet, {Der(kDerOid, {kSpcIndirectData})})});
  const std::string value =
      Der(kDerSequence,
          {Der(kDerOid, {kMessageDigest}), Der(kDerSet, {Der(kDerOctetString, {View(message)})})});
  return type + value;
}

// What SpcIndirectDataContent says the image's digest is.
Result<Sha256Digest> DigestInside(const DerElement& content) {
  DerReader reader(content.content);
  DerReader data(LETHE_TRY(reader.Expect(kDerSequence)).content);
  const DerElement type = LETHE_TRY(data.Expect(kDerOid));
  DerReader info(LETHE_TRY(reader.Expect(kDerSequence)).content);
  DerReader algorithm(LETHE_TRY(info.Expect(kDerSequence)).content);
  const DerElement hash = LETHE_TRY(algorithm.Expect(kDerOid));
  const DerElement value = LETHE_TRY(info.Expect(kDerOctetString));
  Sha256Digest digest;
  if (!reader.done() || !info.done())
    return Error{ErrorCode::kMalformed, "SpcIndirectDataContent has more than its fields"};
  if (type.content != kSpcPeImageData) return Untrusted("is not one of a PE image");
  if (hash.content != kSha256 || value.content.size() != digest.bytes.size())
    return Untrusted("is over another digest than SHA-256");
  std::copy(value.content.begin(), value.content.end(), digest.bytes.begin());
  return digest;
}

Result<Pkcs7> ReadPkcs7(std::string_view der) {
  if (der.empty() || der.size() > kMaxAuthenticodeBytes)
    return Error{ErrorCode::kMalformed, "a signature of " + std::to_string(der.size()) + " bytes"};
  const unsigned char* at = Unsigned(der);
  Pkcs7 pkcs7(d2i_PKCS7(nullptr, &at, static_cast<long>(der.size())));
  if (pkcs7 == nullptr) return OpenSslMalformed("not a PKCS #7 signature in DER");
  if (at != Unsigned(der) + der.size())
    return Error{ErrorCode::kMalformed, "bytes behind the PKCS #7 signature"};
  const bool signed_data = PKCS7_type_is_signed(pkcs7.get()) && pkcs7->d.sign != nullptr;
  const PKCS7* content = signed_data ? pkcs7->d.sign->contents : nullptr;
  if (content == nullptr || content->type == nullptr ||
      std::string_view(reinterpret_cast<const char*>(OBJ_get0_data(content->type)),
                       OBJ_length(content->type)) != kSpcIndirectData ||
      content->d.other == nullptr || content->d.other->type != V_ASN1_SEQUENCE) {
    return Error{ErrorCode::kMalformed, "a PKCS #7 that is no Authenticode signature"};
  }
  return pkcs7;
}

// Exactly one signer, whose certificate is inside, with RSA and SHA-256 throughout.
Result<X509*> SignerOf(PKCS7* pkcs7) {
  STACK_OF(PKCS7_SIGNER_INFO)* infos = PKCS7_get_signer_info(pkcs7);
  if (infos == nullptr || sk_PKCS7_SIGNER_INFO_num(infos) != 1)
    return Error{ErrorCode::kMalformed, "an Authenticode signature has exactly one signer"};
  const PKCS7_SIGNER_INFO* info = sk_PKCS7_SIGNER_INFO_value(infos, 0);
  const STACK_OF(X509_ALGOR)* algorithms = pkcs7->d.sign->md_algs;
  for (int i = 0; i < sk_X509_ALGOR_num(algorithms); ++i) {
    if (OBJ_obj2nid(sk_X509_ALGOR_value(algorithms, i)->algorithm) != NID_sha256)
      return Untrusted("names another hash than SHA-256");
  }
  if (OBJ_obj2nid(info->digest_alg->algorithm) != NID_sha256)
    return Untrusted("is by another hash than SHA-256");
  const int method = OBJ_obj2nid(info->digest_enc_alg->algorithm);
  if (method != NID_rsaEncryption && method != NID_sha256WithRSAEncryption)
    return Untrusted("is by another method than RSA");
  const Stack signers(PKCS7_get0_signers(pkcs7, nullptr, 0));
  if (signers == nullptr || sk_X509_num(signers.get()) != 1)
    return Untrusted("does not carry its signer's certificate");
  X509* signer = sk_X509_value(signers.get(), 0);
  if (!IsStrongRsa(signer)) return Untrusted("is by a key that is not RSA of 2048 bits or more");
  return signer;
}

AuthenticodeSigner Describe(X509* certificate) {
  return {SubjectOf(certificate), Sha256Of(ToDer<X509>(certificate, i2d_X509))};
}

}  // namespace

std::string AuthenticodeToBeSigned(const Sha256Digest& digest) {
  return Der(kDerSet, {Attributes(digest)});
}

Result<std::string> WrapAuthenticode(const Sha256Digest& digest,
                                     const AuthenticodeSignature& signature) {
  const Certificate certificate = LETHE_TRY(ReadCertificate(signature.certificate_pem));
  if (!IsStrongRsa(certificate.get()))
    return Error{ErrorCode::kUsage,
                 "Secure Boot needs a certificate with an RSA key of 2048 bits or more"};
  const std::string one = Der(kDerInteger, {std::string_view("\x01", 1)});
  const std::string issuer =
      ToDer<X509_NAME>(X509_get_issuer_name(certificate.get()), i2d_X509_NAME);
  const std::string serial =
      ToDer<ASN1_INTEGER>(X509_get0_serialNumber(certificate.get()), i2d_ASN1_INTEGER);
  const std::string rsa = Der(kDerSequence, {Der(kDerOid, {kRsaEncryption}), Der(kDerNull, {})});
  const std::string signer =
      Der(kDerSequence,
          {one, Der(kDerSequence, {issuer, serial}), Sha256Algorithm(),
           Der(kDerContext0, {Attributes(digest)}), rsa, Der(kDerOctetString, {signature.raw})});
  const std::string content = Der(
      kDerSequence, {Der(kDerOid, {kSpcIndirectData}), Der(kDerContext0, {IndirectData(digest)})});
  const std::string data =
      Der(kDerSequence,
          {one, Der(kDerSet, {Sha256Algorithm()}), content,
           Der(kDerContext0, {ToDer<X509>(certificate.get(), i2d_X509)}), Der(kDerSet, {signer})});
  const std::string pkcs7 =
      Der(kDerSequence, {Der(kDerOid, {kSignedData}), Der(kDerContext0, {data})});
  (void)LETHE_TRY(VerifyAuthenticode(pkcs7, digest, signature.certificate_pem));
  return pkcs7;
}

Result<std::string> SignAuthenticode(const Sha256Digest& digest, const AuthenticodeKey& key) {
  const Bio bio = Memory(key.key_pem);
  const Key secret(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (secret == nullptr) return OpenSslMalformed("not a private key in PEM without a passphrase");
  const Certificate certificate = LETHE_TRY(ReadCertificate(key.certificate_pem));
  if (X509_check_private_key(certificate.get(), secret.get()) != 1) {
    ERR_clear_error();
    return Error{ErrorCode::kUntrusted, "the key is not the certificate's"};
  }
  const std::string bytes = AuthenticodeToBeSigned(digest);
  const Digester context(EVP_MD_CTX_new());
  size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, secret.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, Unsigned(bytes), bytes.size()) != 1) {
    return Error{ErrorCode::kUsage, "the key cannot sign (" + OpenSslReason() + ")"};
  }
  std::string raw(size, '\0');
  LETHE_ASSERT(EVP_DigestSign(context.get(), Unsigned(raw), &size, Unsigned(bytes), bytes.size()) ==
               1);
  raw.resize(size);
  return WrapAuthenticode(digest, {raw, key.certificate_pem});
}

Result<AuthenticodeSigner> VerifyAuthenticode(std::string_view pkcs7, const Sha256Digest& digest,
                                              const std::optional<std::string>& trusted_pem) {
  ERR_clear_error();
  const Pkcs7 parsed = LETHE_TRY(ReadPkcs7(pkcs7));
  X509* signer = LETHE_TRY(SignerOf(parsed.get()));
  const ASN1_STRING* stored = parsed->d.sign->contents->d.other->value.sequence;
  const std::string_view content(reinterpret_cast<const char*>(ASN1_STRING_get0_data(stored)),
                                 static_cast<size_t>(ASN1_STRING_length(stored)));
  const DerElement element = LETHE_TRY(DerReader(content).Expect(kDerSequence));
  if (LETHE_TRY(DigestInside(element)) != digest) return Untrusted("is over other bytes");
  Store store;
  if (trusted_pem) store = LETHE_TRY(TrustOnly({*trusted_pem}));
  const Bio signed_bytes = Memory(element.content);
  const int flags = PKCS7_BINARY | (trusted_pem ? 0 : PKCS7_NOVERIFY);
  if (PKCS7_verify(parsed.get(), nullptr, store.get(), signed_bytes.get(), nullptr, flags) != 1)
    return Untrusted("does not verify: " + OpenSslReason());
  return Describe(signer);
}

Result<std::string> CertificateDer(const std::string& certificate_pem) {
  const Certificate certificate = LETHE_TRY(ReadCertificate(certificate_pem));
  return ToDer<X509>(certificate.get(), i2d_X509);
}

Result<size_t> DerBytes(std::string_view bytes) {
  return LETHE_TRY(DerReader(bytes).Next()).whole.size();
}

}  // namespace lethe::crypto
