#include "image/step_seal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "base/file.h"

namespace lethe::image {
namespace {

namespace fs = std::filesystem;

class StepSealTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(folder_ / "sub" / "empty"));
    ASSERT_TRUE(WriteFileAtomic(folder_ / "a", "first"));
    ASSERT_TRUE(WriteFileAtomic(folder_ / "sub" / "b\nc", std::string(100'000, 'x')));
    fs::create_symlink("../a", folder_ / "sub" / "link");
    ASSERT_TRUE(SealFolder(folder_, seal_, 2));
    ASSERT_TRUE(CheckSeal(folder_, seal_, 2));
  }
  // Expects a refusal that names `place`.
  void Refuses(const std::string& place) {
    const Status status = CheckSeal(folder_, seal_, 2);
    ASSERT_FALSE(status) << place;
    EXPECT_EQ(status.error().code, ErrorCode::kUntrusted);
    EXPECT_EQ(status.error().message, place);
  }

  ScratchDir scratch_ = ScratchDir::Create(testing::TempDir(), "seal-").value();
  fs::path folder_ = scratch_.path() / "result";
  fs::path seal_ = scratch_.path() / "seal";
};

TEST_F(StepSealTest, NoticesOneFlippedBit) {
  std::string bytes(100'000, 'x');
  for (const size_t place : {size_t{0}, size_t{50'000}, size_t{99'999}}) {
    bytes[place] ^= 1;
    ASSERT_TRUE(WriteFileAtomic(folder_ / "sub" / "b\nc", bytes));
    Refuses("sub/b\\x0ac has other bytes");
    bytes[place] ^= 1;
  }
  ASSERT_TRUE(WriteFileAtomic(folder_ / "sub" / "b\nc", bytes));
  EXPECT_TRUE(CheckSeal(folder_, seal_, 2));
}

TEST_F(StepSealTest, NoticesEverythingElse) {
  fs::resize_file(folder_ / "a", 4);
  Refuses("a has another size");
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a", "first", 0755));
  Refuses("a has another mode");
  fs::remove(folder_ / "a");
  Refuses("a is missing");
  ASSERT_TRUE(MakeDirectories(folder_ / "a"));
  Refuses("a has another type");
  fs::remove(folder_ / "a");
  ASSERT_TRUE(WriteFileAtomic(folder_ / "a", "first"));
  ASSERT_TRUE(WriteFileAtomic(folder_ / "0", ""));
  Refuses("0 does not belong there");
  fs::rename(folder_ / "0", folder_ / "z");
  Refuses("z does not belong there");
  fs::remove(folder_ / "z");
  fs::remove(folder_ / "sub" / "link");
  fs::create_symlink("../b", folder_ / "sub" / "link");
  Refuses("sub/link has another target");
  fs::remove(folder_ / "sub" / "link");
  fs::create_symlink("../a", folder_ / "sub" / "link");
  fs::remove(folder_ / "sub" / "empty");
  Refuses("sub/empty is missing");
  ASSERT_TRUE(MakeDirectories(folder_ / "sub" / "empty"));
  fs::permissions(folder_, fs::perms(0700));
  Refuses(". has another mode");
}

TEST_F(StepSealTest, NoticesADamagedSeal) {
  const std::string good = ReadFile(seal_).value();
  for (size_t place = 0; place < good.size(); place += 7) {
    std::string bad = good;
    bad[place] ^= 4;
    ASSERT_TRUE(WriteFileAtomic(seal_, bad));
    const Status status = CheckSeal(folder_, seal_, 1);
    ASSERT_FALSE(status) << place;
    EXPECT_EQ(status.error().code, ErrorCode::kMalformed) << place;
  }
  for (const size_t size : {size_t{0}, size_t{10}, size_t{64}, good.size() - 1}) {
    ASSERT_TRUE(WriteFileAtomic(seal_, good.substr(0, size)));
    EXPECT_EQ(CheckSeal(folder_, seal_, 1).error().code, ErrorCode::kMalformed) << size;
  }
  fs::remove(seal_);
  EXPECT_EQ(CheckSeal(folder_, seal_, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(StepSealTest, CountsTheBytesOfFiles) { EXPECT_EQ(SealedBytes(seal_).value(), 100'005U); }

TEST_F(StepSealTest, SealsNoPipes) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(SealFolder(folder_, seal_, 1).error().code, ErrorCode::kMalformed);
}

std::string Sealed(const std::string& body) { return body + crypto::Sha256Of(body).Hex(); }

TEST(ParseSeal, TakesOnlyWhatWriteSealWrites) {
  const std::string zero(1, '\0');
  const std::string digest = crypto::Sha256Of("").Hex();
  const std::string title = "lethe step seal 1" + zero;
  const auto entry = [&](const std::string& type, const std::string& mode, const std::string& size,
                         const std::string& sum, const std::string& path) {
    return type + zero + mode + zero + size + zero + sum + zero + path + zero;
  };
  const std::string good = entry("f", "644", "0", digest, "a");
  EXPECT_EQ(ParseSeal(Sealed(title + good)).value().size(), 1U);
  EXPECT_TRUE(ParseSeal(Sealed(title)));
  for (const std::string& body :
       {std::string(), std::string("lethe step seal 2") + zero + good, title + good + "a",
        title + good.substr(0, good.size() - 1), title + entry("p", "644", "0", digest, "a"),
        title + entry("f", "888", "0", digest, "a"), title + entry("f", "10000", "0", digest, "a"),
        title + entry("f", "644", "-1", digest, "a"), title + entry("f", "644", "0", "00", "a"),
        title + entry("f", "644", "0", digest, ""), title + good + good,
        title + entry("f", "644", "0", digest, "b") + good}) {
    const auto parsed = ParseSeal(Sealed(body));
    ASSERT_FALSE(parsed) << body;
    EXPECT_EQ(parsed.error().code, ErrorCode::kMalformed);
  }
}

}  // namespace
}  // namespace lethe::image
