#include "crypto/trust_anchors.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/identity_state.h"

namespace lethe::crypto {
namespace {

using StoreContext = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), FreeStack>;

const EVP_MD* MdOf(Hash hash) {
  switch (hash) {
    case Hash::kSha256:
      return EVP_sha256();
    case Hash::kSha384:
      return EVP_sha384();
    case Hash::kSha512:
      return EVP_sha512();
    case Hash::kMd5:
    case Hash::kSha1:
      break;
  }
  return nullptr;  // broken: nothing is verified by them
}

Error Untrusted(std::string_view why) {
  return Error{ErrorCode::kUntrusted, "the server's certificate: " + std::string(why)};
}

Result<Certificate> ReadDer(const std::string& der) {
  const unsigned char* at = Unsigned(der);
  Certificate out(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (out == nullptr || at != Unsigned(der) + der.size())
    return OpenSslMalformed("not a certificate in DER");
  return out;
}

}  // namespace

struct ServerKey::State {
  Key key;
};

bool ServerKey::is_rsa() const { return EVP_PKEY_get_base_id(state_->key.get()) == EVP_PKEY_RSA; }

bool ServerKey::Verify(const Signature& signature, std::string_view message) const {
  const EVP_MD* md = MdOf(signature.hash);
  if (md == nullptr) return false;
  const Digester context(EVP_MD_CTX_new());
  LETHE_ASSERT(context != nullptr);
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, md, nullptr, state_->key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Unsigned(signature.bytes), signature.bytes.size(),
                       Unsigned(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

Store MakeServerStore(const TrustAnchors& anchors, int64_t now_unix_s) {
  constexpr int kAuthLevel = 2;
  Store store(X509_STORE_new());
  LETHE_ASSERT(store != nullptr);
  for (const Certificate& anchor : anchors.state().certificates)
    LETHE_ASSERT(X509_STORE_add_cert(store.get(), anchor.get()) == 1);
  X509_VERIFY_PARAM* parameters = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_auth_level(parameters, kAuthLevel);
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(now_unix_s));
  return store;
}

std::string WhyNotServer(X509* certificate, const ServerRules& rules) {
  const bool limited = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0;
  if (limited || rules.needs_server_usage) {
    const uint32_t usage = limited ? X509_get_extended_key_usage(certificate) : 0;
    if ((usage & (XKU_SSL_SERVER | XKU_ANYEKU)) == 0) return "is not for a server";
  }
  if (rules.name.empty()) return "";
  const bool named =
      X509_check_host(certificate, rules.name.data(), rules.name.size(), 0, nullptr) == 1 ||
      X509_check_ip_asc(certificate, rules.name.c_str(), 0) == 1;
  ERR_clear_error();
  return named ? "" : "is for another name";
}

Result<TrustAnchors> TrustAnchors::Read(const std::string& pem) {
  auto state = std::make_shared<State>();
  state->certificates = LETHE_TRY(ReadCertificates(pem));
  return TrustAnchors(std::move(state));
}

Result<ServerKey> TrustAnchors::Verify(const std::vector<std::string>& ders,
                                       const ServerRules& rules) const {
  if (ders.empty()) return Untrusted("there is none");
  if (ders.size() > kMaxCertificates) return Untrusted("too many come with it");
  std::vector<Certificate> certificates;
  const Stack others(sk_X509_new_null());
  LETHE_ASSERT(others != nullptr);
  for (const std::string& der : ders) {
    certificates.push_back(LETHE_TRY(ReadDer(der)));
    LETHE_ASSERT(sk_X509_push(others.get(), certificates.back().get()) > 0);
  }
  const Store store = MakeServerStore(*this, rules.now_unix_s);
  const StoreContext context(X509_STORE_CTX_new());
  X509* own = certificates[0].get();
  LETHE_ASSERT(context != nullptr &&
               X509_STORE_CTX_init(context.get(), store.get(), own, others.get()) == 1);
  if (X509_verify_cert(context.get()) != 1) {
    const int code = X509_STORE_CTX_get_error(context.get());
    ERR_clear_error();
    return Untrusted(X509_verify_cert_error_string(code));
  }
  const std::string why = WhyNotServer(own, rules);
  if (!why.empty()) return Untrusted(why);
  auto state = std::make_shared<ServerKey::State>();
  state->key = Key(X509_get_pubkey(own));
  if (state->key == nullptr) return OpenSslMalformed("the key of a certificate");
  return ServerKey(std::move(state));
}

std::string TrustAnchors::KeyHashes() const {
  std::string out;
  for (const Certificate& anchor : state_->certificates) {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(anchor.get()), &bytes);
    LETHE_ASSERT(size > 0);
    out += Digest(Hash::kSha1, {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
    OPENSSL_free(bytes);
  }
  return out;
}

}  // namespace lethe::crypto
