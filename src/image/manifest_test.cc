#include "image/manifest.h"

#include <gtest/gtest.h>

namespace lethe::image {
namespace {

Manifest Sample() {
  Manifest m;
  m.image_id = "x";
  m.image_version = "20260101-abc";
  m.commit = std::string(40, 'a');
  m.kernel_version = "6.12";
  m.command_line = "quiet";
  m.iso = {{"/boot/initrd.img", 5, crypto::Sha256Of("i")},
           {"/boot/vmlinuz", 6, crypto::Sha256Of("k")}};
  m.initrd = {{"/init", 1, crypto::Sha256Of("n")}};
  m.root = {
      {.path = "/", .type = NodeType::kDirectory, .mode = 0755},
      {.path = "/f", .mode = 0644, .size = 3, .sha256 = crypto::Sha256Of("f"), .package = "p"},
      {.path = "/l", .type = NodeType::kSymlink, .mode = 0777, .target = "f"}};
  m.packages = {{"p", "1-1", "amd64", "ps", "1-1", crypto::Sha256Of("p"), 3, {"0001-x.patch"}}};
  m.uki = {crypto::Sha256Of("u"), crypto::Sha256Of("a"), {{".linux", 6, crypto::Sha256Of("k")}}};
  return m;
}

TEST(Manifest, ItsFirstLineAloneSaysWhatTheImageIs) {
  const std::string text = WriteManifest(Sample());
  const auto head = ParseManifestHead(text.substr(0, text.find('\n') + 1));
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->image_id, "x");
  EXPECT_EQ(head->image_version, "20260101-abc");
  EXPECT_EQ(head->commit, std::string(40, 'a'));
  EXPECT_FALSE(head->dirty);
  for (const std::string& bad :
       {std::string(), text.substr(0, 40), text.substr(1),
        std::string("{\"format\":\"lethe-manifest-1\",\n"), std::string("{},\n")}) {
    const auto refused = ParseManifestHead(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, ErrorCode::kMalformed);
  }
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Manifest, ReadsBackWhatItWrites) {
  const std::string text = WriteManifest(Sample());
  const auto read = ParseManifest(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(WriteManifest(*read), text);
  EXPECT_EQ(read->root[2].target, "f");
  EXPECT_EQ(read->uki.sha256, crypto::Sha256Of("u"));
  EXPECT_EQ(read->uki.authenticode, crypto::Sha256Of("a"));
  EXPECT_EQ(read->uki.sections.at(0).path, ".linux");
  EXPECT_TRUE(ParseManifest(text + "\n\n"));  // an ISO fills its room up with line ends
}

TEST(Manifest, RefusesWhatItWouldNotWrite) {
  const std::string text = WriteManifest(Sample());
  const std::pair<std::string, std::string> kCases[] = {
      {Replaced(text, "lethe-manifest-1", "lethe-manifest-2"), "format"},
      {Replaced(text, "\"dirty\":false", "\"dirty\":0"), "dirty"},
      {Replaced(text, "\"size\":5", "\"size\":-5"), "size"},
      {Replaced(text, "\"size\":5", "\"size\":5,\"more\":1"), "keys that the format does not know"},
      {Replaced(text, "/boot/vmlinuz", "/a"), "not in order"},
      {Replaced(text, "symlink", "socket"), "type"},
      {Replaced(text, crypto::Sha256Of("k").Hex(), "00"), "sha256"},
      {text.substr(0, text.size() / 2), "JSON"},
  };
  for (const auto& [bad, what] : kCases) {
    const auto read = ParseManifest(bad);
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().code, ErrorCode::kMalformed);
    EXPECT_NE(read.error().message.find(what), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace lethe::image
