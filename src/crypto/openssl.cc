#include "crypto/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/strings.h"

namespace lethe::crypto {

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

Error OpenSslMalformed(std::string_view what) {
  return Error{ErrorCode::kMalformed, std::string(what) + " (" + OpenSslReason() + ")"};
}

Bio Memory(std::string_view bytes) {
  Bio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  LETHE_ASSERT(bio != nullptr);
  return bio;
}

int NoPassphrase(char*, int, int, void*) { return -1; }

Number ReadNumber(std::string_view bytes) {
  Number number(BN_bin2bn(Unsigned(bytes), static_cast<int>(bytes.size()), nullptr));
  LETHE_ASSERT(number != nullptr);
  return number;
}

const EVP_MD* MdOf(Hash hash) {
  switch (hash) {
    case Hash::kMd5:
      return EVP_md5();
    case Hash::kSha1:
      return EVP_sha1();
    case Hash::kSha256:
      return EVP_sha256();
    case Hash::kSha384:
      return EVP_sha384();
    case Hash::kSha512:
      break;
  }
  return EVP_sha512();
}

std::string SignWith(EVP_PKEY* key, const EVP_MD* md, std::string_view message) {
  const Digester context(EVP_MD_CTX_new());
  size_t size = 0;
  LETHE_ASSERT(
      context != nullptr && EVP_DigestSignInit(context.get(), nullptr, md, nullptr, key) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, Unsigned(message), message.size()) == 1);
  std::string out(size, '\0');
  LETHE_ASSERT(
      EVP_DigestSign(context.get(), Unsigned(out), &size, Unsigned(message), message.size()) == 1);
  out.resize(size);
  return out;
}

Result<Certificate> ReadCertificate(const std::string& pem) {
  const Bio bio = Memory(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
  if (certificate == nullptr) return OpenSslMalformed("not a certificate in PEM");
  return certificate;
}

std::string SubjectOf(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  LETHE_ASSERT(bio != nullptr);
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return Printable({text, static_cast<size_t>(size)});
}

Store MakeStore(const std::vector<Certificate>& anchors) {
  constexpr int kAuthLevel = 2;
  Store store(X509_STORE_new());
  LETHE_ASSERT(store != nullptr);
  for (const Certificate& anchor : anchors)
    LETHE_ASSERT(X509_STORE_add_cert(store.get(), anchor.get()) == 1);
  X509_VERIFY_PARAM* parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  return store;
}

Result<Store> TrustOnly(const std::vector<std::string>& pems) {
  std::vector<Certificate> trusted;
  for (const std::string& pem : pems)
    trusted.push_back(LETHE_TRY_IN(ReadCertificate(pem), "the trusted certificate"));
  Store store = MakeStore(trusted);
  X509_VERIFY_PARAM_set_flags(X509_STORE_get0_param(store.get()), X509_V_FLAG_NO_CHECK_TIME);
  return store;
}

}  // namespace lethe::crypto
