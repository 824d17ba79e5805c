// OpenSSL's objects with owners, its errors as text. Only for the sources of this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/mac.h"
#include "crypto/unsigned.h"

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
inline void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }  // not what is in it
using Stack = Owned<STACK_OF(X509), FreeStack>;
using StoreContext = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using Number = Owned<BIGNUM, BN_clear_free>;
using Curve = Owned<EC_GROUP, EC_GROUP_free>;
using Point = Owned<EC_POINT, EC_POINT_free>;
using CipherContext = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

// OpenSSL's last word, for a message; empties its queue.
std::string OpenSslReason();

// `what` and OpenSSL's reason.
Error OpenSslMalformed(std::string_view what);

// kMalformed for anything but a certificate in PEM; a passphrase is never asked for.
Result<Certificate> ReadCertificate(const std::string& pem);

// Never null; reads from `bytes`, which must outlive it.
Bio Memory(std::string_view bytes);

// For OpenSSL's readers of PEM: refuses, where they would ask on the terminal.
int NoPassphrase(char*, int, int, void*);

// Never null. Big-endian.
Number ReadNumber(std::string_view bytes);

const EVP_MD* MdOf(Hash hash);

// For a key and a hash that go together.
std::string SignWith(EVP_PKEY* key, const EVP_MD* md, std::string_view message);

// What one of OpenSSL's i2d_ functions makes of a value.
template <typename T>
std::string ToDer(const T* value, int (*encode)(const T*, unsigned char**)) {
  const int size = encode(value, nullptr);
  LETHE_ASSERT(size > 0);
  std::string out(static_cast<size_t>(size), '\0');
  unsigned char* at = Unsigned(out);
  LETHE_ASSERT(encode(value, &at) == size);
  return out;
}

// "CN=name,O=…", RFC 4514, on one line.
std::string SubjectOf(X509* certificate);

// A store of these certificates, each an end of chains, roots or not. At least 112 bits of strength
// throughout: no SHA-1, no short keys.
Store MakeStore(const std::vector<Certificate>& anchors);

// A store for X509_verify_cert that ends at exactly these certificates, as MakeStore says. Dates
// do not count. kMalformed.
Result<Store> TrustOnly(const std::vector<std::string>& pems);

}  // namespace lethe::crypto
