#include "trust/line_merge.h"

#include <gtest/gtest.h>

#include <random>

namespace lethe::trust {
namespace {

constexpr DiffAlgorithm kBoth[] = {DiffAlgorithm::kHistogram, DiffAlgorithm::kMyers};

std::string Merge(const MergeTexts& texts, DiffAlgorithm algorithm) {
  uint64_t steps = 10'000'000;
  return MergeLines(texts, algorithm, steps).value_or("conflict");
}

struct Case {
  const char* base;
  const char* ours;
  const char* theirs;
  const char* merged;
};

TEST(MergeLines, TakesWhatEitherSideChanged) {
  const Case kCases[] = {
      {"", "", "", ""},
      {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"},
      {"a\nb\nc\n", "x\na\nb\nc\n", "a\nb\nc\ny\n", "x\na\nb\nc\ny\n"},
      {"a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n", "a\nc\nd\n"},
      {"a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\n", "a\nB\nc\n"},
      {"a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nB\nc\nD\n", "a\nB\nc\nD\n"},
      {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nc", "A\nb\nc"},
      {"a\nb\n", "", "a\nb\n", ""},
      {"a\n", "b\n", "c\n", "conflict"},
      {"a\nb\n", "A\nb\n", "a\nB\n", "conflict"},        // neighbours
      {"a\nb\n", "x\na\nb\n", "y\na\nb\n", "conflict"},  // at the same place
      {"a\nb\nc\n", "a\nc\n", "a\nB\nc\n", "conflict"},  // removed and changed
      {"", "a\n", "b\n", "conflict"},
      {"a\nb\nc\n", "A\nb\nc\n", "a\nb\nc\0d", "A\nb\nc"},  // (a C string ends at NUL)
  };
  for (const Case& c : kCases) {
    for (const DiffAlgorithm algorithm : kBoth) {
      EXPECT_EQ(Merge({c.base, c.ours, c.theirs}, algorithm), c.merged) << c.ours << c.theirs;
      EXPECT_EQ(Merge({c.base, c.theirs, c.ours}, algorithm), c.merged) << c.ours << c.theirs;
    }
  }
}

TEST(MergeLines, DoesNotMergeBinaryFiles) {
  const std::string nul(1, '\0');
  const std::string far = std::string(8000, 'x') + nul + "\n";
  for (const DiffAlgorithm algorithm : kBoth) {
    EXPECT_EQ(Merge({"a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n" + nul}, algorithm), "conflict");
    EXPECT_EQ(Merge({nul + "a\nb\nc\n", nul + "a\nb\nc\n", nul + "a\nb\nC\n"}, algorithm),
              "conflict");
    EXPECT_EQ(Merge({far + "b\n", far + "b\nc\n", "x\n" + far + "b\n"}, algorithm),
              "x\n" + far + "b\nc\n");
  }
}

TEST(MergeLines, StopsAtItsLimits) {
  for (const DiffAlgorithm algorithm : kBoth) {
    const std::string large(kMaxMergeBytes + 1, 'x');
    EXPECT_EQ(Merge({large, large, large}, algorithm), "conflict");
    const std::string many(kMaxDiffLines + 1, '\n');
    EXPECT_EQ(Merge({many, many, many}, algorithm), "conflict");
    std::string a, b;
    for (int i = 0; i < 3000; ++i) a += "a" + std::to_string(i * 7 % 100) + "\n";
    for (int i = 0; i < 3000; ++i) b += "a" + std::to_string(i * 11 % 100) + "\n";
    uint64_t steps = 5000;
    EXPECT_FALSE(MergeLines({a, b, a + "x\n"}, algorithm, steps));
    EXPECT_EQ(steps, 0U);
  }
}

// Whatever the texts are, the result of a side that changed nothing is the other side.
TEST(MergeLines, HoldsItsLawsOnRandomTexts) {
  std::mt19937 random(7);
  const auto text = [&](size_t lines) {
    std::string out;
    for (size_t i = random() % lines; i > 0; --i)
      out += std::string(1, "abc\n"[random() % 4]) + "\n";
    return out;
  };
  for (int i = 0; i < 2000; ++i) {
    const std::string x = text(12), y = text(12), z = text(12);
    for (const DiffAlgorithm algorithm : kBoth) {
      EXPECT_EQ(Merge({x, x, y}, algorithm), y);
      EXPECT_EQ(Merge({x, y, x}, algorithm), y);
      EXPECT_EQ(Merge({x, y, y}, algorithm), y);
      EXPECT_EQ(Merge({x, y, z}, algorithm), Merge({x, z, y}, algorithm));
    }
  }
}

TEST(DiffLines, LeavesTheSameLinesOnBothSides) {
  std::mt19937 random(8);
  for (int i = 0; i < 3000; ++i) {
    LineNumbers a(random() % 20), b(random() % 20);
    for (auto* side : {&a, &b})
      for (uint32_t& line : *side) line = static_cast<uint32_t>(random() % 4);
    for (const DiffAlgorithm algorithm : kBoth) {
      uint64_t steps = 1'000'000;
      const auto changes = DiffLines(a, b, algorithm, steps);
      ASSERT_TRUE(changes);
      LineNumbers made;
      size_t done = 0;
      for (const LineChange& c : *changes) {
        ASSERT_TRUE(done < c.a_begin || (done == 0 && c.a_begin == 0));
        made.insert(made.end(), a.begin() + static_cast<ptrdiff_t>(done),
                    a.begin() + static_cast<ptrdiff_t>(c.a_begin));
        ASSERT_EQ(made.size(), c.b_begin);
        made.insert(made.end(), b.begin() + static_cast<ptrdiff_t>(c.b_begin),
                    b.begin() + static_cast<ptrdiff_t>(c.b_end));
        done = c.a_end;
      }
      made.insert(made.end(), a.begin() + static_cast<ptrdiff_t>(done), a.end());
      EXPECT_EQ(made, b);
    }
  }
}

}  // namespace
}  // namespace lethe::trust
