#include "crypto/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/strings.h"

namespace lethe::crypto {
namespace {

int NoPassphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::string OpenSslReason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given" : reason;
}

Error OpenSslMalformed(std::string_view what) {
  return Error{ErrorCode::kMalformed, std::string(what) + " (" + OpenSslReason() + ")"};
}

Result<Certificate> ReadCertificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  LETHE_ASSERT(bio != nullptr);
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

Result<Store> TrustOnly(const std::vector<std::string>& pems) {
  constexpr int kAuthLevel = 2;
  Store store(X509_STORE_new());
  LETHE_ASSERT(store != nullptr);
  for (const std::string& pem : pems) {
    const Certificate trusted = LETHE_TRY_IN(ReadCertificate(pem), "the trusted certificate");
    LETHE_ASSERT(X509_STORE_add_cert(store.get(), trusted.get()) == 1);
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  return store;
}

}  // namespace lethe::crypto
