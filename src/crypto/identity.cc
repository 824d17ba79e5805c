#include "crypto/identity.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/der.h"
#include "crypto/identity_state.h"

namespace lethe::crypto {
namespace {

struct Scheme {
  const EVP_MD* md;
  std::string_view oid;  // the content of the object identifier
};

// RSA and P-256 by SHA-256, longer curves by a hash of their size.
Scheme SchemeOf(EVP_PKEY* key) {
  using namespace std::string_view_literals;  // NOLINT: the literals have zeros
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
    return {EVP_sha256(), "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"sv};
  const int bits = EVP_PKEY_get_bits(key);
  if (bits > 384) return {EVP_sha512(), "\x2a\x86\x48\xce\x3d\x04\x03\x04"sv};
  if (bits > 256) return {EVP_sha384(), "\x2a\x86\x48\xce\x3d\x04\x03\x03"sv};
  return {EVP_sha256(), "\x2a\x86\x48\xce\x3d\x04\x03\x02"sv};
}

}  // namespace

Result<std::vector<Certificate>> ReadCertificates(const std::string& pem) {
  const Bio bio = Memory(pem);
  std::vector<Certificate> out;
  while (true) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
    if (next == nullptr) {
      const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      if (end && !out.empty()) break;
      return OpenSslMalformed("not a certificate in PEM");
    }
    if (out.size() == kMaxCertificates)
      return Error{ErrorCode::kMalformed,
                   "more than " + std::to_string(kMaxCertificates) + " certificates"};
    out.push_back(std::move(next));
  }
  ERR_clear_error();
  return out;
}

Result<Identity> Identity::Read(const std::string& certificates, const std::string& private_key) {
  auto state = std::make_shared<State>();
  state->certificates = LETHE_TRY(ReadCertificates(certificates));
  const Bio bio = Memory(private_key);
  state->key = Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (state->key == nullptr) {
    ERR_clear_error();
    return Error{ErrorCode::kMalformed, "the private key is not one in PEM without passphrase"};
  }
  const int kind = EVP_PKEY_get_base_id(state->key.get());
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_EC)
    return Error{ErrorCode::kMalformed, "the private key is neither RSA nor ECDSA"};
  X509* own = state->certificates[0].get();
  if (X509_check_private_key(own, state->key.get()) != 1) {
    ERR_clear_error();
    return Error{ErrorCode::kMalformed, "the private key is not the certificate's"};
  }
  for (const Certificate& one : state->certificates)
    state->ders.push_back(ToDer<X509>(one.get(), i2d_X509));
  state->subject_der = ToDer<X509_NAME>(X509_get_subject_name(own), i2d_X509_NAME);
  return Identity(std::move(state));
}

const std::vector<std::string>& Identity::ders() const { return state_->ders; }
const std::string& Identity::subject_der() const { return state_->subject_der; }

std::string Identity::SignatureAlgorithm() const {
  const bool rsa = EVP_PKEY_get_base_id(state_->key.get()) == EVP_PKEY_RSA;
  const std::string oid = Der(kDerOid, {SchemeOf(state_->key.get()).oid});
  return rsa ? Der(kDerSequence, {oid, Der(kDerNull, {})}) : Der(kDerSequence, {oid});
}

std::string Identity::Sign(std::string_view message) const {
  return SignWith(state_->key.get(), SchemeOf(state_->key.get()).md, message);
}

}  // namespace lethe::crypto
