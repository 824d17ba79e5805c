#include "crypto/trust_anchors.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/identity_state.h"

namespace lethe::crypto {
namespace {

// By these nothing is verified.
bool IsBroken(Hash hash) { return hash == Hash::kMd5 || hash == Hash::kSha1; }

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
  if (IsBroken(signature.hash)) return false;
  const Digester context(EVP_MD_CTX_new());
  LETHE_ASSERT(context != nullptr);
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, MdOf(signature.hash), nullptr,
                           state_->key.get()) == 1 &&
      EVP_DigestVerify(context.get(), Unsigned(signature.bytes), signature.bytes.size(),
                       Unsigned(message), message.size()) == 1;
  ERR_clear_error();
  return good;
}

Store MakeServerStore(const TrustAnchors& anchors, int64_t now_unix_s) {
  Store store = MakeStore(anchors.state().certificates);
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), static_cast<time_t>(now_unix_s));
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
    X509_PUBKEY* key = X509_get_X509_PUBKEY(anchor.get());
    out += Digest(Hash::kSha1, ToDer<X509_PUBKEY>(key, i2d_X509_PUBKEY));
  }
  return out;
}

}  // namespace lethe::crypto
