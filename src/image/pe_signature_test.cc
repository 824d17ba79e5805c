#include "image/pe_signature.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "crypto/authenticode.h"
#include "crypto/der.h"
#include "image/pe_test_image.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChecksum = kTestOptional + 64;
constexpr size_t kEntry = kTestOptional + 144;

// Anything in DER: what a signature says is another module's matter.
std::string SomeDer(size_t size) {
  return crypto::Der(crypto::kDerSequence, {std::string(size, 's')});
}

std::string UnsignedPe() {
  return RemovePeSignature(MakeTestPe()).value();  // with a right checksum
}

TEST(AuthenticodeDigest, CoversEveryByteButChecksumAndSignature) {
  const std::string file = AttachPeSignature(UnsignedPe(), SomeDer(50)).value();
  const auto pe = ReadPe(file).value();
  const auto digest = AuthenticodeDigest(file, pe);
  EXPECT_EQ(digest, AuthenticodeDigest(UnsignedPe(), ReadPe(UnsignedPe()).value()));
  size_t refused = 0;
  for (size_t i = 0; i < file.size(); ++i) {
    std::string flipped = file;
    flipped[i] = static_cast<char>(flipped[i] ^ 4);
    const auto read = ReadPe(flipped);
    const bool outside = (i >= kChecksum && i < kChecksum + 4) || i >= pe.content_bytes ||
                         (i >= kEntry && i < kEntry + 8);
    if (!read) {
      ++refused;
      continue;
    }
    EXPECT_EQ(AuthenticodeDigest(flipped, *read) == digest, outside) << i;
  }
  EXPECT_LT(refused, 200U) << "most flips must get as far as the digest";
}

TEST(AttachPeSignature, RemovesToTheBytesFromBefore) {
  const std::string before = UnsignedPe();
  for (const size_t size : {1U, 5U, 6U, 7U, 14U, 1300U}) {
    const std::string signature = SomeDer(size);
    const auto file = AttachPeSignature(before, signature);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->size() % 8, 0U);
    EXPECT_EQ(PeSignature(*file, ReadPe(*file).value()).value(), signature);
    EXPECT_EQ(AttachPeSignature(*file, signature).error().code, ErrorCode::kConflict);
    EXPECT_EQ(RemovePeSignature(*file).value(), before);
  }
  EXPECT_EQ(PeSignature(before, ReadPe(before).value()).value(), "");
  EXPECT_EQ(AttachPeSignature(before, "").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(AttachPeSignature(before, std::string(70000, 'x')).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(
      AddPeSections(AttachPeSignature(before, SomeDer(9)).value(), {{".x", "x"}}).error().code,
      ErrorCode::kMalformed);
}

TEST(PeSignature, RefusesWhatIsNotExactlyOne) {
  const std::string good = AttachPeSignature(UnsignedPe(), SomeDer(20)).value();  // 22 and 2 bytes
  const size_t table = ReadPe(good).value().content_bytes;
  struct Damage {
    size_t at;
    char value;
    const char* says;
  };
  for (const Damage& damage : {Damage{0, 8, "exactly one"},   // length
                               Damage{0, 24, "exactly one"},  // another could follow
                               Damage{0, 80, "exactly one"},  // beyond the file
                               Damage{3, 1, "exactly one"}, Damage{5, 1, "PKCS #7"},  // revision
                               Damage{6, 1, "PKCS #7"},                               // kind
                               Damage{9, 19, "bytes behind"},     // DER ends early
                               Damage{9, 30, "longer than"},      // DER ends late
                               Damage{30, 1, "bytes behind"}}) {  // padding
    std::string bad = good;
    bad[table + damage.at] = damage.value;
    const auto signature = PeSignature(bad, ReadPe(bad).value());
    ASSERT_FALSE(signature) << damage.says;
    EXPECT_EQ(signature.error().code, ErrorCode::kMalformed);
    EXPECT_NE(signature.error().message.find(damage.says), std::string::npos)
        << damage.at << ": " << signature.error().message;
  }
}

// Against the tools that others sign and check with (package sbsigntool).
class SbsignTest : public ::testing::Test {
 protected:
  std::string path(const char* name) const { return (dir_.path() / name).string(); }

  void SetUp() override {
    ASSERT_TRUE(RunChecked(
        {.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                  "/CN=test", "-keyout", path("key"), "-out", path("pem")}}));
    ASSERT_TRUE(WriteFileAtomic(path("x.efi"), file_));
  }

  bool SbverifyAccepts(const std::string& bytes) const {
    EXPECT_TRUE(WriteFileAtomic(path("checked.efi"), bytes));
    const auto checked =
        RunCommand({.argv = {"sbverify", "--cert", path("pem"), path("checked.efi")}});
    EXPECT_TRUE(checked) << checked.error().message;
    return checked && checked->exit_code == 0;
  }

  const ScratchDir dir_ = ScratchDir::Create(fs::temp_directory_path(), "sbsign-").value();
  const std::string file_ = UnsignedPe();
  const crypto::Sha256Digest digest_ = AuthenticodeDigest(file_, ReadPe(file_).value());
};

TEST_F(SbsignTest, AcceptsWhatWeSign) {
  const auto pkcs7 = crypto::SignAuthenticode(
      digest_, {ReadFile(path("key")).value(), ReadFile(path("pem")).value()});
  ASSERT_TRUE(pkcs7) << pkcs7.error().message;
  std::string file = AttachPeSignature(file_, *pkcs7).value();
  EXPECT_TRUE(SbverifyAccepts(file));
  file[kTestHeaders + 3] = static_cast<char>(file[kTestHeaders + 3] ^ 1);
  EXPECT_FALSE(SbverifyAccepts(file));
}

TEST_F(SbsignTest, ItsSignatureIsOverOurDigest) {
  for (const bool detached : {true, false}) {
    std::vector<std::string> argv = {"sbsign",    "--key",    path("key"), "--cert",
                                     path("pem"), "--output", path("out"), path("x.efi")};
    if (detached) argv.insert(argv.begin() + 1, "--detached");
    const auto made = RunChecked({.argv = argv});
    ASSERT_TRUE(made) << made.error().message;
    const std::string out = ReadFile(path("out")).value();
    const auto pe = detached ? Result<PeImage>(PeImage{}) : ReadPe(out);
    ASSERT_TRUE(pe) << pe.error().message;
    const std::string pkcs7 = detached ? out : std::string(PeSignature(out, *pe).value());
    const auto signer = crypto::VerifyAuthenticode(pkcs7, digest_, ReadFile(path("pem")).value());
    ASSERT_TRUE(signer) << signer.error().message;
    EXPECT_TRUE(SbverifyAccepts(AttachPeSignature(file_, pkcs7).value()));
    if (!detached) {
      EXPECT_EQ(RemovePeSignature(out).value(), file_);
    }
  }
}

TEST_F(SbsignTest, ItsSignatureByAWeakKeyIsRefused) {
  ASSERT_TRUE(
      RunChecked({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "2",
                           "-subj", "/CN=weak", "-keyout", path("key"), "-out", path("pem")}}));
  const auto made = RunChecked({.argv = {"sbsign", "--detached", "--key", path("key"), "--cert",
                                         path("pem"), "--output", path("out"), path("x.efi")}});
  ASSERT_TRUE(made) << made.error().message;
  const auto signer = crypto::VerifyAuthenticode(ReadFile(path("out")).value(), digest_, {});
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, ErrorCode::kUntrusted);
  EXPECT_NE(signer.error().message.find("2048 bits"), std::string::npos);
}

}  // namespace
}  // namespace lethe::image
