#include "crypto/authenticode.h"

#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "base/subprocess.h"
#include "crypto/der.h"

namespace lethe::crypto {
namespace {

namespace fs = std::filesystem;

class Authenticode : public ::testing::Test {
 protected:
  // `more` goes to "openssl req".
  AuthenticodeKey MakeKey(const std::string& name, const std::vector<std::string>& more = {}) {
    const std::string key = (dir_.path() / (name + ".key")).string();
    const std::string certificate = (dir_.path() / (name + ".pem")).string();
    std::vector<std::string> argv = {"openssl", "req", "-x509", "-nodes",
                                     "-days",   "2",   "-out",  certificate,
                                     "-keyout", key,   "-subj", "/CN=" + name};
    const std::vector<std::string> rsa = {"-newkey", "rsa:2048"};
    const auto& added = more.empty() ? rsa : more;
    argv.insert(argv.end(), added.begin(), added.end());
    const auto made = RunChecked({.argv = argv});
    EXPECT_TRUE(made) << made.error().message;
    return {ReadFile(key).value(), ReadFile(certificate).value()};
  }

  ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "authenticode-").value();
  const Sha256Digest digest_ = Sha256Of("image");
  const AuthenticodeKey key_ = MakeKey("own");
};

TEST_F(Authenticode, SignsAndVerifies) {
  const auto pkcs7 = SignAuthenticode(digest_, key_);
  ASSERT_TRUE(pkcs7) << pkcs7.error().message;
  for (const auto& trusted : {std::optional<std::string>(), std::optional(key_.certificate_pem)}) {
    const auto signer = VerifyAuthenticode(*pkcs7, digest_, trusted);
    ASSERT_TRUE(signer) << signer.error().message;
    EXPECT_EQ(signer->subject, "CN=own");
    EXPECT_EQ(signer->certificate_sha256, Sha256Of(CertificateDer(key_.certificate_pem).value()));
  }
  EXPECT_EQ(SignAuthenticode(digest_, key_).value(), *pkcs7) << "no time, no chance";
  EXPECT_EQ(DerBytes(*pkcs7 + "more").value(), pkcs7->size());
}

// The road of a key that never leaves its machine.
TEST_F(Authenticode, WrapsASignatureMadeElsewhere) {
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "tbs", AuthenticodeToBeSigned(digest_)));
  const auto raw =
      RunChecked({.argv = {"openssl", "dgst", "-sha256", "-sign",
                           (dir_.path() / "own.key").string(), (dir_.path() / "tbs").string()}});
  ASSERT_TRUE(raw) << raw.error().message;
  const auto pkcs7 = WrapAuthenticode(digest_, {*raw, key_.certificate_pem});
  ASSERT_TRUE(pkcs7) << pkcs7.error().message;
  EXPECT_EQ(*pkcs7, SignAuthenticode(digest_, key_).value());
  EXPECT_EQ(WrapAuthenticode(Sha256Of("other"), {*raw, key_.certificate_pem}).error().code,
            ErrorCode::kUntrusted);
  EXPECT_EQ(WrapAuthenticode(digest_, {"", key_.certificate_pem}).error().code,
            ErrorCode::kUntrusted);
  EXPECT_EQ(WrapAuthenticode(digest_, {*raw, "no certificate"}).error().code,
            ErrorCode::kMalformed);
}

TEST_F(Authenticode, RefusesOtherBytesAndOtherSigners) {
  const std::string pkcs7 = SignAuthenticode(digest_, key_).value();
  const auto other_bytes = VerifyAuthenticode(pkcs7, Sha256Of("other"), std::nullopt);
  ASSERT_FALSE(other_bytes);
  EXPECT_EQ(other_bytes.error().code, ErrorCode::kUntrusted);
  EXPECT_NE(other_bytes.error().message.find("over other bytes"), std::string::npos);
  // The same name, another key.
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "keep.pem", key_.certificate_pem));
  const auto stranger = MakeKey("own");
  const auto other_key = VerifyAuthenticode(pkcs7, digest_, stranger.certificate_pem);
  ASSERT_FALSE(other_key);
  EXPECT_EQ(other_key.error().code, ErrorCode::kUntrusted);
  EXPECT_EQ(VerifyAuthenticode(pkcs7, digest_, "no PEM").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(SignAuthenticode(digest_, {stranger.key_pem, key_.certificate_pem}).error().code,
            ErrorCode::kUntrusted);
  EXPECT_EQ(SignAuthenticode(digest_, {"no key", key_.certificate_pem}).error().code,
            ErrorCode::kMalformed);
}

TEST_F(Authenticode, AcceptsASignerBelowTheTrustedCertificate) {
  const auto path = [&](const char* name) { return (dir_.path() / name).string(); };
  ASSERT_TRUE(
      RunChecked({.argv = {"openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj",
                           "/CN=leaf", "-keyout", path("leaf.key"), "-out", path("leaf.csr")}}));
  ASSERT_TRUE(RunChecked(
      {.argv = {"openssl", "x509", "-req", "-in", path("leaf.csr"), "-CA", path("own.pem"),
                "-CAkey", path("own.key"), "-out", path("leaf.pem"), "-days", "2"}}));
  const AuthenticodeKey leaf = {ReadFile(path("leaf.key")).value(),
                                ReadFile(path("leaf.pem")).value()};
  const auto pkcs7 = SignAuthenticode(digest_, leaf);
  ASSERT_TRUE(pkcs7) << pkcs7.error().message;
  const auto signer = VerifyAuthenticode(*pkcs7, digest_, key_.certificate_pem);
  ASSERT_TRUE(signer) << signer.error().message;
  EXPECT_EQ(signer->subject, "CN=leaf");
  EXPECT_EQ(VerifyAuthenticode(*pkcs7, digest_, MakeKey("x").certificate_pem).error().code,
            ErrorCode::kUntrusted);
}

TEST_F(Authenticode, WantsRsaOf2048Bits) {
  for (const std::vector<std::string>& kind :
       {std::vector<std::string>{"-newkey", "rsa:1024"},
        {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"},
        {"-newkey", "ed25519"}}) {
    const auto pkcs7 = SignAuthenticode(digest_, MakeKey("weak", kind));
    ASSERT_FALSE(pkcs7) << kind[1];
    EXPECT_EQ(pkcs7.error().code, ErrorCode::kUsage) << kind[1] << pkcs7.error().message;
  }
}

// Each SHA-256 in turn becomes SHA-384, SHA-512 or SHA-224: no other hash counts anywhere.
TEST_F(Authenticode, RefusesOtherHashes) {
  constexpr std::string_view kSha256Oid("\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9);
  const std::string good = SignAuthenticode(digest_, key_).value();
  constexpr const char* kSays[] = {"names another hash", "over another digest", "by another hash"};
  size_t places = 0;
  for (size_t at = good.find(kSha256Oid); at != std::string::npos;
       at = good.find(kSha256Oid, at + 1)) {
    ASSERT_LT(places, std::size(kSays));
    const std::string says = kSays[places++];
    for (const char hash : {'\x02', '\x03', '\x04'}) {
      std::string bad = good;
      bad[at + kSha256Oid.size() - 1] = hash;
      const auto signer = VerifyAuthenticode(bad, digest_, std::nullopt);
      ASSERT_FALSE(signer) << says;
      EXPECT_EQ(signer.error().code, ErrorCode::kUntrusted);
      EXPECT_NE(signer.error().message.find(says), std::string::npos) << signer.error().message;
    }
  }
  EXPECT_EQ(places, 3U) << "in the list of hashes, at the image's digest, at the signer";
}

TEST_F(Authenticode, RefusesEveryTruncationAndTrailingBytes) {
  const std::string good = SignAuthenticode(digest_, key_).value();
  for (size_t size = 0; size < good.size(); ++size) {
    const auto signer = VerifyAuthenticode(good.substr(0, size), digest_, std::nullopt);
    ASSERT_FALSE(signer) << size;
    EXPECT_EQ(signer.error().code, ErrorCode::kMalformed) << size;
  }
  EXPECT_EQ(VerifyAuthenticode(good + "x", digest_, std::nullopt).error().code,
            ErrorCode::kMalformed);
  EXPECT_EQ(
      VerifyAuthenticode(std::string(kMaxAuthenticodeBytes + 1, '\x30'), digest_, std::nullopt)
          .error()
          .code,
      ErrorCode::kMalformed);
}

// No flipped bit makes another signer or another digest of it. Some change nothing that counts:
// version numbers, and parameters that no reader looks at.
TEST_F(Authenticode, FlippedBitsNeverChangeTheAnswer) {
  const std::string good = SignAuthenticode(digest_, key_).value();
  const auto expected = VerifyAuthenticode(good, digest_, key_.certificate_pem).value();
  size_t accepted = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    const auto signer = VerifyAuthenticode(bad, digest_, key_.certificate_pem);
    if (!signer) {
      EXPECT_TRUE(signer.error().code == ErrorCode::kUntrusted ||
                  signer.error().code == ErrorCode::kMalformed)
          << i << signer.error().message;
      continue;
    }
    ++accepted;
    EXPECT_EQ(signer->certificate_sha256, expected.certificate_sha256) << i;
    EXPECT_FALSE(VerifyAuthenticode(bad, Sha256Of("other"), std::nullopt)) << i;
  }
  EXPECT_LT(accepted, 12U);
}

TEST_F(Authenticode, SurvivesRandomDamage) {
  const std::string good = SignAuthenticode(digest_, key_).value();
  std::mt19937 random(20260402);
  for (int round = 0; round < 2000; ++round) {
    std::string bad = good;
    for (size_t flips = 1 + random() % 6; flips > 0; --flips)
      bad[random() % bad.size()] = static_cast<char>(random());
    const auto signer = VerifyAuthenticode(bad, Sha256Of("other"), std::nullopt);
    ASSERT_FALSE(signer);
  }
}

}  // namespace
}  // namespace lethe::crypto
