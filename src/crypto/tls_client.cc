#include "crypto/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "crypto/identity_state.h"

namespace lethe::crypto {
namespace {

using Context = Owned<SSL_CTX, SSL_CTX_free>;
using Session = Owned<SSL, SSL_free>;

// RFC 8446 6: what a server says of a client's certificate.
bool IsAboutCertificate(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Status UseIdentity(SSL_CTX* context, const Identity& identity) {
  const auto& certificates = identity.state().certificates;
  bool good = SSL_CTX_use_certificate(context, certificates[0].get()) == 1;
  for (size_t i = 1; good && i < certificates.size(); ++i)
    good = SSL_CTX_add1_chain_cert(context, certificates[i].get()) == 1;
  good = good && SSL_CTX_use_PrivateKey(context, identity.state().key.get()) == 1;
  if (!good) return OpenSslMalformed("the certificate cannot be used");
  return {};
}

}  // namespace

struct TlsClient::State {
  ServerRules rules;
  Context context;
  Session session;
  BIO* in = nullptr;   // the session's
  BIO* out = nullptr;  // the session's
  bool established = false;
  std::string plain;
  TlsFailure failure = TlsFailure::kNone;
  std::string why;

  void Fail(TlsFailure reason, std::string text) {
    if (failure != TlsFailure::kNone) return;
    failure = reason;
    why = std::move(text);
  }

  // After a call that did not succeed: whether it only waits for more.
  void Judge(int result) {
    const int error = SSL_get_error(session.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    const long verified = SSL_get_verify_result(session.get());
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    std::string text = OpenSslReason();
    if (!established && verified != X509_V_OK)
      return Fail(TlsFailure::kUntrusted, X509_verify_cert_error_string(verified));
    if (error == SSL_ERROR_ZERO_RETURN) return Fail(TlsFailure::kAlert, "closed by the server");
    if (reason > SSL_AD_REASON_OFFSET) {
      const bool ours = IsAboutCertificate(reason - SSL_AD_REASON_OFFSET);
      return Fail(ours ? TlsFailure::kNotAccepted : TlsFailure::kAlert, std::move(text));
    }
    Fail(TlsFailure::kProtocol, std::move(text));
  }

  void Shake() {
    const int result = SSL_do_handshake(session.get());
    if (result != 1) return Judge(result);
    const Certificate server(SSL_get1_peer_certificate(session.get()));
    const std::string not_server =
        server == nullptr ? "there is none" : WhyNotServer(server.get(), rules);
    if (!not_server.empty()) return Fail(TlsFailure::kUntrusted, "certificate " + not_server);
    established = true;
  }

  void ReadAll() {
    char buffer[4096];
    while (failure == TlsFailure::kNone) {
      const int got = SSL_read(session.get(), buffer, sizeof buffer);
      if (got <= 0) return Judge(got);
      plain.append(buffer, static_cast<size_t>(got));
      if (plain.size() > kMaxPlainBytes) Fail(TlsFailure::kProtocol, "too much text");
    }
  }
};

TlsClient::TlsClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsClient::TlsClient(TlsClient&&) noexcept = default;
TlsClient& TlsClient::operator=(TlsClient&&) noexcept = default;
TlsClient::~TlsClient() = default;

Result<TlsClient> TlsClient::Create(const TlsClientOptions& options) {
  auto state = std::make_unique<State>();
  state->rules = options.rules;
  state->context = Context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  LETHE_ASSERT(context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cert_store(context,
                         MakeServerStore(options.anchors, options.rules.now_unix_s).release());
  // What WhyNotServer judges is not left to defaults.
  LETHE_ASSERT(SSL_CTX_set_purpose(context, X509_PURPOSE_ANY) == 1);
  if (options.identity) LETHE_TRY(UseIdentity(context, *options.identity));
  state->session = Session(SSL_new(context));
  state->in = BIO_new(BIO_s_mem());
  state->out = BIO_new(BIO_s_mem());
  LETHE_ASSERT(state->session != nullptr && state->in != nullptr && state->out != nullptr);
  BIO_set_mem_eof_return(state->in, -1);
  SSL_set_bio(state->session.get(), state->in, state->out);
  SSL_set_connect_state(state->session.get());
  return TlsClient(std::move(state));
}

void TlsClient::Feed(std::string_view bytes) {
  if (state_->failure != TlsFailure::kNone) return;
  ERR_clear_error();
  if (!bytes.empty()) {
    const int size = static_cast<int>(bytes.size());
    LETHE_ASSERT(BIO_write(state_->in, bytes.data(), size) == size);
  }
  if (!state_->established) state_->Shake();
  if (state_->established) state_->ReadAll();
}

std::string TlsClient::TakeOutput() {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(state_->out, &bytes);
  std::string out(bytes, static_cast<size_t>(size));
  (void)BIO_reset(state_->out);
  return out;
}

bool TlsClient::established() const { return state_->established; }
std::string TlsClient::TakePlain() { return std::exchange(state_->plain, {}); }

void TlsClient::Write(std::string_view plain) {
  LETHE_ASSERT(state_->established);
  if (state_->failure != TlsFailure::kNone || plain.empty()) return;
  ERR_clear_error();
  const int written =
      SSL_write(state_->session.get(), plain.data(), static_cast<int>(plain.size()));
  if (written <= 0) state_->Judge(written);
}

std::string TlsClient::Export(std::string_view label, size_t bytes) const {
  LETHE_ASSERT(state_->established);
  std::string out(bytes, '\0');
  LETHE_ASSERT(SSL_export_keying_material(state_->session.get(), Unsigned(out), out.size(),
                                          label.data(), label.size(), nullptr, 0, 0) == 1);
  return out;
}

TlsFailure TlsClient::failure() const { return state_->failure; }
const std::string& TlsClient::why() const { return state_->why; }

}  // namespace lethe::crypto
