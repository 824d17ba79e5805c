#include "image/erofs_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <random>

#include "base/file.h"
#include "base/strings.h"
#include "crypto/sha256.h"

namespace lethe::image {
namespace {

// tests/vectors/erofs/make says what is in them.
std::string Fixture(const std::string& name) {
  return ReadFile(std::string(LETHE_SOURCE_DIR "/tests/vectors/erofs/") + name).value();
}

class ErofsFixture : public ::testing::TestWithParam<const char*> {};

TEST_P(ErofsFixture, EveryFileHasItsDigest) {
  const std::string image = Fixture(GetParam());
  const auto reader = ErofsReader::Open(image).value();
  const auto nodes = reader.List().value();
  std::map<std::string, ErofsNode> by_path;
  for (const ErofsNode& node : nodes) by_path[node.path] = node;
  const std::string sums = Fixture("tree.sums");
  const auto lines = Lines(sums);
  EXPECT_EQ(lines.size(), 307U);
  for (const auto line : lines) {
    const std::string path(line.substr(67));  // "<hex>  ./path"
    ASSERT_TRUE(by_path.contains(path)) << path;
    const auto bytes = reader.Read(by_path[path].nid);
    ASSERT_TRUE(bytes) << path << ": " << bytes.error().message;
    EXPECT_EQ(crypto::Sha256Of(*bytes).Hex(), line.substr(0, 64)) << path;
    EXPECT_EQ(by_path[path].uid, 7U);
    EXPECT_EQ(by_path[path].gid, 8U);
  }
  EXPECT_EQ(by_path["/tiny"].mode, S_IFREG | 0600U);
  EXPECT_EQ(*reader.Read(by_path["/link"].nid), "tiny");
  EXPECT_EQ(*reader.Read(by_path["/long-link"].nid), std::string(200, 'L'));
  EXPECT_TRUE(std::is_sorted(nodes.begin(), nodes.end(),
                             [](const auto& a, const auto& b) { return a.path < b.path; }));
}

TEST_P(ErofsFixture, FlippedBitsNeverCrashAndNeverPassForTheOriginal) {
  const std::string image = Fixture(GetParam());
  std::mt19937 random(20260101);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = image;
    char& byte = damaged[random() % damaged.size()];
    byte = static_cast<char>(byte ^ (1 << (random() % 8)));
    const auto reader = ErofsReader::Open(damaged);
    if (!reader) continue;
    const auto nodes = reader->List();
    if (!nodes) {
      EXPECT_FALSE(nodes.error().message.empty());
      continue;
    }
    for (const ErofsNode& node : *nodes) {
      if (!S_ISDIR(node.mode)) (void)reader->Read(node.nid);
    }
  }
}

TEST_P(ErofsFixture, TruncatedAnywhereIsRefusedOrSmaller) {
  const std::string image = Fixture(GetParam());
  for (size_t size = 0; size < image.size(); size += 997) {
    const auto reader = ErofsReader::Open(std::string_view(image).substr(0, size));
    if (!reader) {
      EXPECT_EQ(reader.error().code, ErrorCode::kMalformed);
      continue;
    }
    const auto nodes = reader->List();
    if (!nodes) continue;
    for (const ErofsNode& node : *nodes) (void)reader->Read(node.nid);
  }
}

INSTANTIATE_TEST_SUITE_P(Images, ErofsFixture,
                         ::testing::Values("mixed.erofs", "legacy.erofs", "tails.erofs",
                                           "small-blocks.erofs"));

TEST(ErofsReader, ReadsAttributesTimesAndLinks) {
  const std::string image = Fixture("metadata-b.erofs");
  const auto reader = ErofsReader::Open(image).value();
  const auto list = reader.List().value();
  std::map<std::string, ErofsNode> nodes;
  for (const ErofsNode& node : list) nodes[node.path] = node;
  const auto attributes = reader.Xattrs(nodes["/attributes"].nid).value();
  ASSERT_EQ(attributes.size(), 2U);
  EXPECT_EQ(attributes[0].name, "security.capability");
  EXPECT_EQ(attributes[0].value, "two");
  EXPECT_EQ(attributes[1].name, "user.a");
  EXPECT_TRUE(reader.Xattrs(nodes["/first"].nid).value().empty());
  EXPECT_EQ(reader.Place(nodes["/time"].nid)->inode.mtime_unix_s, 1600000000U);
  EXPECT_EQ(reader.Place(nodes["/first"].nid)->inode.mtime_unix_s, 1700000000U);
  const std::string linked = Fixture("metadata-a.erofs");
  const auto other = ErofsReader::Open(linked).value();
  const auto others = other.List().value();
  for (const ErofsNode& node : others) {
    if (node.path != "/second") continue;
    EXPECT_EQ(other.Place(node.nid)->inode.links, 2U);
  }
}

TEST(ErofsReader, HostileAttributesNeverCrash) {
  const std::string image = Fixture("metadata-a.erofs");
  const size_t at = image.find("aone") - 16;
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    std::string damaged = image;
    for (int flips = 0; flips < 3; ++flips)
      damaged[at + random() % 48] = static_cast<char>(random());
    damaged[1024 + 8] = 0;  // no checksum
    const auto reader = ErofsReader::Open(damaged).value();
    const auto nodes = reader.List();
    if (!nodes) continue;
    for (const ErofsNode& node : *nodes) (void)reader.Xattrs(node.nid);
  }
}

TEST(ErofsReader, SaysWhatItCannotRead) {
  const std::string image = Fixture("fragments.erofs");
  const auto reader = ErofsReader::Open(image).value();
  const auto nodes = reader.List().value();
  const auto node = std::find_if(nodes.begin(), nodes.end(),
                                 [](const ErofsNode& n) { return n.path == "/compressible"; });
  ASSERT_NE(node, nodes.end());
  const auto bytes = reader.Read(node->nid);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(bytes.error().message.find("fragments"), std::string::npos);
}

TEST(ErofsReader, RefusesAFlippedSuperblock) {
  std::string image = Fixture("mixed.erofs");
  image[1024 + 48] = static_cast<char>(image[1024 + 48] ^ 1);  // uuid
  const auto reader = ErofsReader::Open(image);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kMalformed);
  EXPECT_NE(reader.error().message.find("checksum"), std::string::npos);
}

TEST(ErofsReader, RefusesWhatIsNoErofs) {
  EXPECT_EQ(ErofsReader::Open("").error().code, ErrorCode::kMalformed);
  EXPECT_EQ(ErofsReader::Open(std::string(8192, 'x')).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace lethe::image
