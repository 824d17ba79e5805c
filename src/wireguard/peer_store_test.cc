#include "wireguard/peer_store.h"

#include <gtest/gtest.h>

#include "wireguard/test_peers.h"

namespace lethe::wireguard {
namespace {

using std::chrono::seconds;

constexpr seconds kStart(1'000'000);
const Key kProbe = TestKey(5000);

Clocks At(seconds at) { return {kStart + at, at}; }

class PeerStoreTest : public ::testing::Test {
 protected:
  PeerStoreTest() {
    EXPECT_TRUE(store_.Adopt());
    device_.changes.clear();
  }

  void Has(const std::vector<unsigned>& numbers) {
    std::vector<Key> wanted = {kProbe};
    for (const unsigned number : numbers) wanted.push_back(TestKey(number));
    std::sort(wanted.begin(), wanted.end());
    std::vector<Key> found;
    for (const auto& [key, held] : device_.peers) {
      found.push_back(key);
      EXPECT_EQ(held.allowed.size(), key == kProbe ? 0U : 1U);
    }
    EXPECT_EQ(found, wanted);
  }
  void Session(unsigned number, seconds at) {
    device_.peers.at(TestKey(number)).last_handshake = kStart + at;
    device_.peers.at(TestKey(number)).observed = true;
  }
  size_t Replace(const std::vector<unsigned>& numbers) {
    return store_.Change(PeerAction::kReplaceAll, TestLines(numbers)).value();
  }

  FakeDevice device_;
  PeerStore store_{device_, TestRules(), kProbe, Reaper(seconds(180), At(seconds(0)))};
};

TEST_F(PeerStoreTest, ChangesOnlyWhatDiffers) {
  Has({});
  EXPECT_EQ(store_.Change(PeerAction::kAdd, TestLines({2, 3, 4})).value(), 3U);
  Session(3, seconds(5));
  const auto before = device_.peers.at(TestKey(3));
  EXPECT_EQ(Replace({3, 4, 6}), 3U);
  EXPECT_EQ(device_.peers.at(TestKey(3)), before);
  EXPECT_EQ(device_.changes.back().set, std::vector<Key>{TestKey(6)});
  EXPECT_EQ(device_.changes.back().remove, std::vector<Key>{TestKey(2)});
  const size_t changes = device_.changes.size();
  EXPECT_EQ(Replace({3, 4, 6}), 3U);
  EXPECT_EQ(device_.changes.size(), changes) << "nothing to do";
  EXPECT_EQ(store_
                .Change(PeerAction::kRemove, WriteKey(TestKey(4)) + "\n" + WriteKey(TestKey(99)) +
                                                 "\n" + WriteKey(kProbe) + "\n")
                .value(),
            2U);
  Has({3, 6});
}

TEST_F(PeerStoreTest, FlushesWhereNoSessionIsLost) {
  Replace({2, 3, 4, 5});
  Session(2, seconds(5));
  Replace({12, 13, 14, 5});
  EXPECT_TRUE(device_.changes.back().flush);
  Has({5, 12, 13, 14});
  Session(5, seconds(5));
  Replace({5, 6});
  EXPECT_FALSE(device_.changes.back().flush);
  EXPECT_EQ(device_.peers.at(TestKey(5)).last_handshake, kStart + seconds(5));
}

TEST_F(PeerStoreTest, RefusesAddressesThatAnotherPeerHas) {
  Replace({2, 3});
  const auto before = device_.peers;
  const auto refused =
      store_.Change(PeerAction::kAdd, WriteKey(TestKey(5)) + " - 10.9.0.3/32\n" + TestLines({4}));
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(refused.error().message, "line 1: an allowed address overlaps with another peer's");
  EXPECT_EQ(device_.peers, before);
  // The same address, where its peer has the line.
  EXPECT_EQ(store_.Change(PeerAction::kAdd, TestLines({3})).value(), 2U);
}

TEST_F(PeerStoreTest, GoesBackWhereTheKernelRefusesMidway) {
  Replace({2, 3, 4, 5, 6});
  Session(3, seconds(5));
  const auto before = device_.peers;
  for (int steps = 0; steps < 5; ++steps) {
    device_.fail_after = steps;
    const auto refused = store_.Change(PeerAction::kReplaceAll, TestLines({3, 4, 5, 12, 13, 14}));
    ASSERT_FALSE(refused) << steps;
    EXPECT_EQ(refused.error().code, ErrorCode::kIo);
    EXPECT_EQ(refused.error().message, "the old peers are back: changing the peers: no memory");
    EXPECT_EQ(device_.peers, before) << steps;
    EXPECT_EQ(store_.size(), 5U);
  }
}

TEST_F(PeerStoreTest, SaysHowManyThereAreWhereItCannotGoBack) {
  Replace({2, 3, 4, 5, 6});
  device_.fail_after = 3;
  device_.fails_always = true;
  const auto refused = store_.Change(PeerAction::kReplaceAll, TestLines({3, 4, 12, 13}));
  EXPECT_EQ(refused.error().message, "there are 2 peers now: changing the peers: no memory");
  Has({3, 4});
  EXPECT_EQ(store_.size(), 2U);
  device_.fails_always = false;
  device_.fail_after = -1;
  EXPECT_EQ(Replace({3, 4, 12, 13}), 4U) << "goes on from what is there";
  Has({3, 4, 12, 13});
}

TEST_F(PeerStoreTest, AdoptsWhatAnEarlierRunLeft) {
  Replace({2, 3});
  Session(3, seconds(5));
  const auto before = device_.peers.at(TestKey(3));
  device_.peers[TestKey(8)].allowed = {ParsePrefix("10.8.0.8/32").value()};  // not of this network
  const Key probe = TestKey(5001);
  PeerStore next(device_, TestRules(), probe, Reaper(seconds(180), At(seconds(10))));
  ASSERT_TRUE(next.Adopt());
  EXPECT_EQ(next.size(), 2U);
  EXPECT_EQ(device_.peers.size(), 3U);
  EXPECT_TRUE(device_.peers.contains(probe));
  EXPECT_EQ(device_.peers.at(TestKey(3)), before);
  device_.changes.clear();
  EXPECT_EQ(next.Change(PeerAction::kReplaceAll, TestLines({2, 3})).value(), 2U);
  EXPECT_TRUE(device_.changes.empty());
}

TEST_F(PeerStoreTest, ForgetsAndCounts) {
  Replace({2, 3, 4});
  Session(2, seconds(100));
  Session(3, seconds(200));
  device_.peers.at(kProbe).observed = true;
  device_.peers.at(kProbe).last_handshake = kStart + seconds(200);
  ASSERT_TRUE(store_.Sweep(At(seconds(210))));
  EXPECT_EQ(store_.live(), 2U) << "the probe is no client";
  const auto alive = device_.peers.at(TestKey(3));
  ASSERT_TRUE(store_.Sweep(At(seconds(290))));
  EXPECT_EQ(store_.live(), 1U);
  EXPECT_EQ(device_.changes.back().forget, std::vector<Key>{TestKey(2)});
  EXPECT_EQ(device_.peers.at(TestKey(3)), alive);
  EXPECT_FALSE(device_.peers.at(TestKey(2)).observed);
  Has({2, 3, 4});
  ASSERT_TRUE(store_.Sweep(At(seconds(400))));
  EXPECT_EQ(store_.live(), 0U);
  EXPECT_FALSE(device_.peers.at(kProbe).observed) << "the probe's peer too";
}

TEST_F(PeerStoreTest, DrainsToThoseWithASession) {
  Replace({2, 3, 4});
  Session(3, seconds(200));
  device_.peers.at(TestKey(4)).observed = true;  // a handshake under way
  ASSERT_TRUE(store_.StartDrain(At(seconds(210))));
  Has({3});
  const auto refused = store_.Change(PeerAction::kAdd, TestLines({7}));
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_EQ(store_.Change(PeerAction::kRemove, WriteKey(TestKey(4)) + "\n").value(), 2U);
  ASSERT_TRUE(store_.Sweep(At(seconds(379))));
  Has({3});
  ASSERT_TRUE(store_.Sweep(At(seconds(380))));
  Has({});
  EXPECT_EQ(store_.live(), 0U);
  ASSERT_TRUE(store_.EndDrain());
  Has({2, 3});
}

TEST_F(PeerStoreTest, TakesThePartsOfAReportForOnePeer) {
  device_.splits = true;
  store_.Change(PeerAction::kAdd, WriteKey(TestKey(3)) + " - 10.9.0.3/32,fd00:9::3/128\n").value();
  Session(3, seconds(200));
  ASSERT_TRUE(store_.StartDrain(At(seconds(210))));
  EXPECT_EQ(device_.peers.at(TestKey(3)).allowed.size(), 2U);
  EXPECT_EQ(store_.live(), 1U);
  PeerStore next(device_, TestRules(), kProbe, Reaper(seconds(180), At(seconds(10))));
  ASSERT_TRUE(next.Adopt());
  device_.changes.clear();
  EXPECT_TRUE(next.Change(PeerAction::kReplaceAll,
                          WriteKey(TestKey(3)) + " - 10.9.0.3/32,fd00:9::3/128\n"));
  EXPECT_TRUE(device_.changes.empty());
}

TEST_F(PeerStoreTest, KnowsWhenItsInterfaceIsGone) {
  Replace({2});
  Session(2, seconds(5));
  device_.takes_nothing = true;
  EXPECT_FALSE(store_.Sweep(At(seconds(200))));
  EXPECT_TRUE(store_.lost());
}

TEST_F(PeerStoreTest, KnowsWhenItCannotGoBackForItsInterfaceIsGone) {
  Replace({2});
  EXPECT_FALSE(store_.lost());
  device_.gone = true;
  EXPECT_FALSE(store_.Change(PeerAction::kAdd, TestLines({3})));
  EXPECT_TRUE(store_.lost());
}

}  // namespace
}  // namespace lethe::wireguard
