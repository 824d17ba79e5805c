#include "crypto/sha256.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/small_sha256.h"

namespace lethe::crypto {
namespace {

// FIPS 180-4 examples.
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Sha256, AnswersThePublishedVectors) {
  EXPECT_EQ(Sha256Of("abc").Hex(), kAbc);
  EXPECT_EQ(Sha256Of("").Hex(), kEmpty);
}

TEST(Sha256, IncrementalEqualsWhole) {
  Sha256 hash;
  hash.Update("a");
  hash.Update("");
  hash.Update("bc");
  EXPECT_EQ(hash.Finish().Hex(), kAbc);
}

TEST(SmallSha256, AgreesWithOpenSslOnAFile) {
  const auto dir = ScratchDir::Create(std::filesystem::temp_directory_path(), "lethe-sha-").value();
  for (const size_t size : {0UL, 1UL, 63UL, 64UL, 65UL, 262144UL, 300001UL}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + 3);
    ASSERT_TRUE(WriteFileAtomic(dir.path() / "f", bytes));
    const Fd fd = OpenFile(dir.path() / "f", O_RDONLY).value();
    EXPECT_EQ(SmallSha256OfFd(fd.get(), "f")->Hex(), Sha256Of(bytes).Hex());
    EXPECT_EQ(Sha256OfFile(dir.path() / "f")->Hex(), Sha256Of(bytes).Hex());
  }
}

TEST(DigestFile, ReadsARegularFileOfTheExpectedSizeOnly) {
  const auto dir = ScratchDir::Create(std::filesystem::temp_directory_path(), "lethe-sha-").value();
  const auto path = dir.path() / "f";
  const std::string bytes(300'000, 'x');
  ASSERT_TRUE(WriteFileAtomic(path, bytes));
  EXPECT_EQ(DigestFile(path, bytes.size())->sha256, Sha256Of(bytes));
  EXPECT_EQ(DigestFile(path, bytes.size())->bytes, bytes.size());
  for (const size_t wrong : {bytes.size() - 1, bytes.size() + 1, size_t{0}}) {
    EXPECT_EQ(DigestFile(path, wrong)->bytes, bytes.size());
    EXPECT_EQ(DigestFile(path, wrong)->sha256, Sha256Digest());
  }
  for (const size_t size : {size_t{0}, size_t{4} << 20, (size_t{4} << 20) + 1, size_t{9} << 20}) {
    std::string large(size, '\0');
    for (size_t i = 0; i < size; ++i) large[i] = static_cast<char>(i * 7 + (i >> 16));
    ASSERT_TRUE(WriteFileAtomic(path, large));
    EXPECT_EQ(DigestFile(path, size)->sha256, Sha256Of(large)) << size;
  }
  ASSERT_EQ(::mkfifo((dir.path() / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(DigestFile(dir.path() / "pipe", 0).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(DigestFile("/dev/zero", 0).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(DigestFile(dir.path() / "none", 0).error().code, ErrorCode::kNotFound);
}

TEST(Sha256Digest, ParsesOnlyItsOwnSpelling) {
  EXPECT_EQ(Sha256Digest::FromHex(kAbc)->Hex(), kAbc);
  EXPECT_EQ(Sha256Digest::FromHex("abc").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(Sha256Digest::FromHex(std::string(62, 'a')).error().code, ErrorCode::kMalformed);
  EXPECT_EQ(Sha256Digest::FromHex(std::string(64, 'A')).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace lethe::crypto
