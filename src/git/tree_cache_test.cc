#include "git/tree_cache.h"

#include <gtest/gtest.h>

#include <map>

namespace lethe::git {
namespace {

// Every object is its own name, ten times; counts how often each is read.
class Counting : public ObjectSource {
 public:
  ObjectFormat format() const override { return ObjectFormat::kSha1; }
  Result<std::string> Read(const ObjectId& id, ObjectType) override {
    ++reads[id.bytes];
    if (id.bytes == "missing") return Error{ErrorCode::kNotFound, "missing"};
    std::string body;
    for (int i = 0; i < 10; ++i) body += id.bytes;
    return body;
  }
  std::map<std::string, int> reads;
};

TEST(TreeCache, ReadsATreeOnceAndOtherObjectsEachTime) {
  Counting source;
  TreeCache cache(source);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(cache.Read({"t"}, ObjectType::kTree).value(), "tttttttttt");
    EXPECT_EQ(cache.Read({"c"}, ObjectType::kCommit).value(), "cccccccccc");
    EXPECT_FALSE(cache.Read({"missing"}, ObjectType::kTree));
  }
  EXPECT_EQ(source.reads, (std::map<std::string, int>{{"t", 1}, {"c", 3}, {"missing", 3}}));
}

TEST(TreeCache, KeepsWhatIsUsedAndDropsTheRest) {
  Counting source;
  TreeCache cache(source, 60);  // three trees of ten bytes in each half
  for (const char* name : {"a", "b", "c", "d", "a", "e", "f", "a"})
    ASSERT_TRUE(cache.Read({name}, ObjectType::kTree));
  EXPECT_EQ(source.reads["a"], 1);
  ASSERT_TRUE(cache.Read({"b"}, ObjectType::kTree));
  EXPECT_EQ(source.reads["b"], 2);
}

TEST(TreeCache, DoesNotKeepWhatIsLargerThanAHalf) {
  Counting source;
  TreeCache cache(source, 18);
  ASSERT_TRUE(cache.Read({"a"}, ObjectType::kTree));
  ASSERT_TRUE(cache.Read({"a"}, ObjectType::kTree));
  EXPECT_EQ(source.reads["a"], 2);
}

}  // namespace
}  // namespace lethe::git
