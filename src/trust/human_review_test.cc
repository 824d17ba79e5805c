#include "trust/human_review.h"

#include <gtest/gtest.h>

#include "trust/object_fixture.h"
#include "trust/policy_fixture.h"
#include "trust/tree_sha256.h"

namespace lethe::trust {
namespace {

const std::string kSha1(40, '1');
const std::string kSha256(64, '2');

std::string Text(const std::string& digest) {
  return R"({"_type":"https://in-toto.io/Statement/v1","predicate":{"result":"pass"},)"
         R"("predicateType":"https://in-toto.io/attestation/human-review/v0.1","subject":[{"digest":)" +
         digest + "}]}";
}

TEST(HumanReview, IsReadAsItIsWritten) {
  const HumanReview with_sha1{git::ObjectId::FromHex(kSha1).value(),
                              crypto::Sha256Digest::FromHex(kSha256).value()};
  EXPECT_EQ(WriteHumanReview(with_sha1),
            Text(R"({"gitCommit":")" + kSha1 + R"(","sha256":")" + kSha256 + "\"}"));
  const auto read = ParseHumanReview(WriteHumanReview(with_sha1)).value();
  EXPECT_EQ(read->commit, with_sha1.commit);
  EXPECT_EQ(read->tree_sha256, with_sha1.tree_sha256);
  EXPECT_EQ(read->result, kReviewPassed);
  const HumanReview with_sha256{git::ObjectId::FromHex(kSha256).value(), {}};
  EXPECT_EQ(WriteHumanReview(with_sha256), Text(R"({"gitCommit":")" + kSha256 + "\"}"));
  EXPECT_EQ(ParseHumanReview(WriteHumanReview(with_sha256)).value()->commit, with_sha256.commit);
}

TEST(HumanReview, OfAnotherTypeIsNone) {
  const auto other = ParseHumanReview(
      Replaced(Text("{\"sha256\":\"" + kSha256 + "\"}"), "attestation/human-review/v0.1", "other"));
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_FALSE(*other);
}

TEST(HumanReview, RefusesWhatItCannotRead) {
  const std::string good = Text("{\"gitCommit\":\"" + kSha256 + "\"}");
  ASSERT_TRUE(ParseHumanReview(good));
  const struct {
    std::string text;
    const char* says;
  } kBad[] = {
      {"", "in-toto statement"},
      {good + " x", "in-toto statement"},
      {Replaced(good, "\"result\"", "\"result\":\"pass\",\"result\""), "in-toto statement"},
      {Text("{\"sha256\":\"" + kSha256 + "\"}"), "has no 'gitCommit'"},
      {Text("{\"gitCommit\":\"" + kSha1 + "\"}"), "needs the 'sha256' of its tree"},
      {Text("{\"gitCommit\":\"" + kSha1 + "\",\"sha256\":\"" + kSha1 + "\"}"), "sha256"},
      {Text("{\"gitCommit\":\"1234\"}"), "gitCommit"},
      {Replaced(good, "[{", "[{\"digest\":{\"sha256\":\"11\"}},{"), "must be one commit"},
      {Replaced(good, "{\"result\":\"pass\"}", "{}"), "key 'result'"},
      {Replaced(good, "\"pass\"", "1"), "key 'result'"},
      {Replaced(good, "pass", std::string(kMaxHumanReviewBytes, 'p')), "more than 65536 bytes"},
  };
  for (const auto& bad : kBad) {
    const auto read = ParseHumanReview(bad.text);
    ASSERT_FALSE(read) << bad.says;
    EXPECT_EQ(read.error().code, ErrorCode::kMalformed) << bad.says;
    EXPECT_NE(read.error().message.find(bad.says), std::string::npos) << read.error().message;
  }
}

const std::map<std::string, std::string> kFiles{
    {"a", "1\n"}, {"b/c/d", "100755 run"}, {"b/c/e", "1\n"}, {"link", "120000 a"}, {"b.txt", ""}};

TEST(TreeSha256, IsTheNameOfTheTreeInASha256Repository) {
  MemoryObjects sha1;
  MemoryObjects sha256(git::ObjectFormat::kSha256);
  const auto digest = TreeSha256(sha1).Of(sha1.AddTree(kFiles)).value();
  EXPECT_EQ(digest.Hex(), sha256.AddTree(kFiles).Hex());
}

TEST(TreeSha256, ChangesWithEveryContentNameAndMode) {
  MemoryObjects objects;
  TreeSha256 tree(objects);
  const auto digest = tree.Of(objects.AddTree(kFiles)).value();
  for (const auto& [path, content] : kFiles) {
    auto files = kFiles;
    files[path] = content + "x";
    EXPECT_NE(tree.Of(objects.AddTree(files)).value(), digest) << path;
    files.erase(path);
    EXPECT_NE(tree.Of(objects.AddTree(files)).value(), digest) << path;
  }
  auto files = kFiles;
  files["a"] = "100755 1\n";
  EXPECT_NE(tree.Of(objects.AddTree(files)).value(), digest);
  files = kFiles;
  files["s"] = "160000 " + std::string(40, '1');
  const auto one = tree.Of(objects.AddTree(files)).value();
  files["s"] = "160000 " + std::string(40, '2');
  EXPECT_NE(tree.Of(objects.AddTree(files)).value(), one);
}

TEST(TreeSha256, ReadsWhatManyTreesHoldOnce) {
  // A tree that holds one below it twice, forty times over: 2^40 paths, 41 objects.
  MemoryObjects objects;
  git::ObjectId at = objects.AddTree({{"a", "1"}});
  for (int i = 0; i < 40; ++i) {
    at = objects.Add(git::ObjectType::kTree, git::WriteTree({{"x", git::EntryKind::kTree, at},
                                                             {"y", git::EntryKind::kTree, at}}));
  }
  EXPECT_TRUE(TreeSha256(objects).Of(at));
  for (int i = 0; i < 300; ++i)
    at = objects.Add(git::ObjectType::kTree, git::WriteTree({{"x", git::EntryKind::kTree, at}}));
  const auto deep = TreeSha256(objects).Of(at);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::kMalformed);
}

TEST(TreeSha256, NamesWhatIsMissing) {
  MemoryObjects objects;
  const git::ObjectId absent{std::string(20, '\1')};
  const auto tree = objects.Add(git::ObjectType::kTree,
                                git::WriteTree({{"gone", git::EntryKind::kFile, absent}}));
  const auto digest = TreeSha256(objects).Of(tree);
  ASSERT_FALSE(digest);
  EXPECT_NE(digest.error().message.find("gone: "), std::string::npos) << digest.error().message;
}

}  // namespace
}  // namespace lethe::trust
