#include "crypto/tls_client.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "crypto/identity_state.h"

namespace lethe::crypto {
namespace {

constexpr int64_t kNow = 1'900'000'000;  // within the dates of the test's certificates
constexpr int64_t kBefore = 1'000'000'000, kAfter = 5'000'000'000;

std::string Pem(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/prober/" + name).value();
}
Identity IdentityOf(const std::string& name) {
  return Identity::Read(Pem(name + ".crt"), Pem(name + ".key")).value();
}
TrustAnchors AnchorsOf(const std::string& name) {
  return TrustAnchors::Read(Pem(name + ".crt")).value();
}

// OpenSSL's own server on the other side of two memory buffers.
class Server {
 public:
  Server(const Identity& identity, const TrustAnchors& clients) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context_.get(), identity.state().certificates[0].get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.state().key.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_cert_store(context_.get(), MakeServerStore(clients, kNow).release());
    SSL_CTX_set_purpose(context_.get(), X509_PURPOSE_ANY);
    session_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(session_.get(), in_, out_);
    SSL_set_accept_state(session_.get());
  }

  std::string Answer(const std::string& bytes) {
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    char buffer[1000];
    int got = 0;
    while ((got = SSL_read(session_.get(), buffer, sizeof buffer)) > 0)
      received_.append(buffer, static_cast<size_t>(got));
    if (SSL_is_init_finished(session_.get()) == 1 && !greeted_) {
      greeted_ = true;
      SSL_write(session_.get(), "welcome", 7);
    }
    char* text = nullptr;
    const long size = BIO_get_mem_data(out_, &text);
    std::string out(text, static_cast<size_t>(size));
    (void)BIO_reset(out_);
    return out;
  }
  std::string Export(std::string_view label) {
    std::string out(40, '\0');
    SSL_export_keying_material(session_.get(), Unsigned(out), out.size(), label.data(),
                               label.size(), nullptr, 0, 0);
    return out;
  }
  const std::string& received() const { return received_; }

 private:
  Owned<SSL_CTX, SSL_CTX_free> context_;
  Owned<SSL, SSL_free> session_;
  BIO* in_;
  BIO* out_;
  std::string received_;
  bool greeted_ = false;
};

TlsClientOptions Options() {
  return {.anchors = AnchorsOf("ca"),
          .identity = IdentityOf("client"),
          .rules = {.now_unix_s = kNow, .name = "", .needs_server_usage = true}};
}

// Until nobody has anything to say.
void Talk(TlsClient& client, Server& server) {
  client.Feed("");
  for (int turn = 0; turn < 20; ++turn) {
    const std::string out = client.TakeOutput();
    if (out.empty()) break;
    client.Feed(server.Answer(out));
  }
}

TEST(TlsClient, TalksAndExportsTheSameKeys) {
  for (const std::string name : {"server", "rsa"}) {
    Server server(IdentityOf(name), AnchorsOf("ca"));
    auto options = Options();
    options.rules.name = name + ".example";
    auto client = TlsClient::Create(options).value();
    Talk(client, server);
    ASSERT_TRUE(client.established()) << client.why();
    EXPECT_EQ(client.TakePlain(), "welcome");
    client.Write("hello");
    server.Answer(client.TakeOutput());
    EXPECT_EQ(server.received(), "hello");
    EXPECT_EQ(client.Export("EXPORTER-x", 40), server.Export("EXPORTER-x"));
    EXPECT_EQ(client.failure(), TlsFailure::kNone);
  }
}

TlsFailure FailureOf(const TlsClientOptions& options, const std::string& server_name) {
  Server server(IdentityOf(server_name), AnchorsOf("ca"));
  auto client = TlsClient::Create(options).value();
  Talk(client, server);
  return client.failure();
}

TEST(TlsClient, TrustsTheRightServerAlone) {
  EXPECT_EQ(FailureOf(Options(), "server"), TlsFailure::kNone);
  auto options = Options();
  options.anchors = AnchorsOf("other");
  EXPECT_EQ(FailureOf(options, "server"), TlsFailure::kUntrusted) << "another authority";
  EXPECT_EQ(FailureOf(Options(), "client"), TlsFailure::kUntrusted) << "a client's certificate";
  options = Options();
  options.rules.name = "another.example";
  EXPECT_EQ(FailureOf(options, "server"), TlsFailure::kUntrusted) << "another name";
  options = Options();
  options.rules.now_unix_s = kBefore;
  EXPECT_EQ(FailureOf(options, "server"), TlsFailure::kUntrusted) << "not yet valid";
  options.rules.now_unix_s = kAfter;
  EXPECT_EQ(FailureOf(options, "server"), TlsFailure::kUntrusted) << "expired";
}

TEST(TlsClient, SaysThatOurCertificateIsNotTaken) {
  auto options = Options();
  options.identity.reset();
  EXPECT_EQ(FailureOf(options, "server"), TlsFailure::kNotAccepted);
}

TEST(TlsClient, NoiseIsNoTls) {
  auto client = TlsClient::Create(Options()).value();
  client.Feed("");
  EXPECT_FALSE(client.TakeOutput().empty());
  client.Feed("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(client.failure(), TlsFailure::kProtocol);
}

TEST(TrustAnchors, VerifiesChainsAndSignatures) {
  const Identity server = IdentityOf("server"), rsa = IdentityOf("rsa");
  const ServerRules rules{.now_unix_s = kNow, .name = "server.example"};
  const auto key = AnchorsOf("ca").Verify(server.ders(), rules);
  ASSERT_TRUE(key) << key.error().message;
  const std::string signature = server.Sign("message");
  EXPECT_TRUE(key->Verify({.hash = Hash::kSha256, .bytes = signature}, "message"));
  EXPECT_FALSE(key->Verify({.hash = Hash::kSha256, .bytes = signature}, "messages"));
  EXPECT_FALSE(key->Verify({.hash = Hash::kSha384, .bytes = signature}, "message"));
  EXPECT_FALSE(key->Verify({.hash = Hash::kSha1, .bytes = signature}, "message"));
  const auto rsa_key = AnchorsOf("ca").Verify(rsa.ders(), {.now_unix_s = kNow});
  ASSERT_TRUE(rsa_key);
  EXPECT_TRUE(rsa_key->is_rsa());
  EXPECT_TRUE(rsa_key->Verify({.hash = Hash::kSha256, .bytes = rsa.Sign("x")}, "x"));
}

TEST(TrustAnchors, MalformedAndUntrustedAreDifferent) {
  const Identity server = IdentityOf("server");
  const auto code = [&](const std::vector<std::string>& ders, const ServerRules& rules) {
    return AnchorsOf("ca").Verify(ders, rules).error().code;
  };
  const ServerRules rules{.now_unix_s = kNow};
  EXPECT_EQ(code({}, rules), ErrorCode::kUntrusted);
  EXPECT_EQ(code({"noise"}, rules), ErrorCode::kMalformed);
  EXPECT_EQ(code({server.ders()[0] + "x"}, rules), ErrorCode::kMalformed);
  EXPECT_EQ(code({server.ders()[0], "noise"}, rules), ErrorCode::kMalformed);
  EXPECT_EQ(code(std::vector<std::string>(17, server.ders()[0]), rules), ErrorCode::kUntrusted);
  EXPECT_EQ(code(server.ders(), {.now_unix_s = kAfter}), ErrorCode::kUntrusted);
  EXPECT_EQ(code(server.ders(), {.now_unix_s = kNow, .name = "x.example"}), ErrorCode::kUntrusted);
  EXPECT_EQ(code(IdentityOf("client").ders(), rules), ErrorCode::kUntrusted);
  EXPECT_EQ(TrustAnchors::Read("nothing").error().code, ErrorCode::kMalformed);
}

TEST(Identity, RefusesKeysThatDoNotFit) {
  for (const auto& [certificate, key] :
       std::vector<std::pair<std::string, std::string>>{{"", Pem("client.key")},
                                                        {Pem("client.crt"), ""},
                                                        {Pem("client.crt"), Pem("server.key")},
                                                        {Pem("client.crt"), Pem("client.crt")}}) {
    const auto identity = Identity::Read(certificate, key);
    ASSERT_FALSE(identity);
    EXPECT_EQ(identity.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::crypto
