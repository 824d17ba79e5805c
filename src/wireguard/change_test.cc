#include "wireguard/change.h"

#include <gtest/gtest.h>

#include "wireguard/test_peers.h"

namespace lethe::wireguard {
namespace {

PeerList List(const std::vector<unsigned>& numbers) {
  return ParsePeers(TestLines(numbers), TestRules()).value();
}

TEST(Difference, NamesOnlyWhatDiffers) {
  PeerList to = List({3, 4, 5, 6});
  to.peers[1].preshared_key = TestKey(1);                              // of 4
  to.allowed[to.peers[2].first] = ParsePrefix("10.9.7.7/32").value();  // of 5
  const Change change = Difference(List({2, 3, 4, 5, 8}), to);
  EXPECT_FALSE(change.flush);
  EXPECT_EQ(change.remove, (std::vector<Key>{TestKey(2), TestKey(8)}));
  EXPECT_EQ(change.set, (std::vector<Key>{TestKey(4), TestKey(5), TestKey(6)}));
  EXPECT_TRUE(Difference(List({2, 3}), List({3, 2})).empty()) << "the order of lines is none";
}

TEST(PreferFlush, OnlyWhereMoreGoThanStayAndNoneThatStaysHasASession) {
  const auto flushes = [](const PeerList& from, const PeerList& to, unsigned session) {
    Change change = Difference(from, to);
    PreferFlush(change, from, to, [&](const Key& key) { return key == TestKey(session); });
    EXPECT_TRUE(!change.flush || change.set.size() == to.peers.size());
    return change.flush;
  };
  const PeerList from = List({2, 3, 4, 5, 6});
  EXPECT_TRUE(flushes(from, List({12, 13}), 2)) << "the session goes anyway";
  EXPECT_TRUE(flushes(from, List({2, 13}), 3));
  EXPECT_FALSE(flushes(from, List({2, 13}), 2)) << "a session stays";
  EXPECT_TRUE(flushes(from, List({2, 13}), 13)) << "a new peer has none";
  EXPECT_FALSE(flushes(from, List({2, 3, 4}), 99)) << "two removals are cheaper";
  EXPECT_FALSE(flushes(List({2, 3, 4, 5}), List({2, 3}), 99)) << "as many stay";
}

TEST(PeerList, MergesAndTakesAway) {
  PeerList more = List({3, 9});
  more.peers[0].preshared_key = TestKey(1);
  const PeerList merged = Merged(List({2, 3, 4}), more);
  ASSERT_EQ(merged.peers.size(), 4U);
  EXPECT_EQ(merged.Find(TestKey(3))->preshared_key, TestKey(1));
  EXPECT_EQ(merged.AllowedOf(*merged.Find(TestKey(9)))[0], ParsePrefix("10.9.0.9/32").value());
  const PeerList less = Without(merged, std::vector<Key>{TestKey(1), TestKey(3), TestKey(9)});
  EXPECT_TRUE(Difference(less, List({2, 4})).empty());
  EXPECT_EQ(less.Find(TestKey(3)), nullptr);
}

}  // namespace
}  // namespace lethe::wireguard
