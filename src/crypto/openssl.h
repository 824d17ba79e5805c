// OpenSSL's objects with owners, its errors as text. Only for the sources of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lethe::crypto {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* value) const {
    Free(value);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;
using Bio = Owned<BIO, BIO_free_all>;
using Certificate = Owned<X509, X509_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Digester = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using Store = Owned<X509_STORE, X509_STORE_free>;

inline const unsigned char* Unsigned(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* Unsigned(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// OpenSSL's last word, for a message; empties its queue.
std::string OpenSslReason();

// `what` and OpenSSL's reason.
Error OpenSslMalformed(std::string_view what);

// kMalformed for anything but a certificate in PEM; a passphrase is never asked for.
Result<Certificate> ReadCertificate(const std::string& pem);

// "CN=name,O=…", RFC 4514, on one line.
std::string SubjectOf(X509* certificate);

// A store for X509_verify_cert that ends at exactly these certificates, roots or not. At least 112
// bits of strength throughout: no SHA-1, no short keys. Dates do not count. kMalformed.
Result<Store> TrustOnly(const std::vector<std::string>& pems);

}  // namespace lethe::crypto
