#include "wireguard/device_message.h"

#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "wireguard/netlink_message.h"
#include "wireguard/test_peers.h"

namespace lethe::wireguard {
namespace {

constexpr Target kTarget{.family = 30, .index = 4};

// A message that sets peers has the shape of one that tells them: it is read by the same code.
struct Sent {
  Key key;
  std::vector<Prefix> allowed;
  std::optional<Key> preshared_key;
  bool operator==(const Sent&) const = default;
};

Result<std::vector<std::vector<Sent>>> SentBy(const Change& change, const PeerList& list) {
  std::vector<std::vector<Sent>> out;
  LETHE_TRY(EncodeChange(kTarget, change, list, [&](std::string& message) -> Status {
    EXPECT_LE(message.size(), 64U << 10);
    std::string_view bytes = message;
    const auto view = LETHE_TRY(TakeMessage(bytes));
    EXPECT_TRUE(bytes.empty());
    EXPECT_EQ(view.header.nlmsg_type, kTarget.family);
    out.emplace_back();
    return DecodePeers(view.payload, [&](const PeerReport& peer) -> Status {
      Sent one{peer.public_key, {}, peer.preshared_key};
      LETHE_TRY(DecodeAllowed(peer.allowed, one.allowed));
      out.back().push_back(std::move(one));
      return {};
    });
  }));
  return out;
}

TEST(DeviceMessage, CutsAChangeIntoMessagesThatTheKernelTakes) {
  std::vector<unsigned> numbers;
  for (unsigned i = 2; i < 5000; ++i) numbers.push_back(i);
  const PeerList list = ParsePeers(TestLines(numbers), TestRules()).value();
  const Change change = Difference({}, list);
  const auto messages = SentBy(change, list).value();
  EXPECT_GT(messages.size(), 5U);
  EXPECT_LT(messages.size(), 20U) << "few peers in each";
  std::vector<Sent> all;
  for (const auto& message : messages) all.insert(all.end(), message.begin(), message.end());
  ASSERT_EQ(all.size(), list.peers.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].key, list.peers[i].public_key);
    EXPECT_EQ(all[i].allowed, std::vector<Prefix>{list.AllowedOf(list.peers[i])[0]});
    EXPECT_EQ(all[i].preshared_key, Key{});
  }
}

TEST(DeviceMessage, ForgetsAPeerInOneMessage) {
  std::vector<unsigned> numbers;
  for (unsigned i = 2; i < 2000; ++i) numbers.push_back(i);
  const PeerList list = ParsePeers(TestLines(numbers), TestRules()).value();
  Change change;
  for (const Peer& peer : list.peers) change.forget.push_back(peer.public_key);
  const auto messages = SentBy(change, list).value();
  for (const auto& message : messages) {
    ASSERT_EQ(message.size() % 2, 0U);
    for (size_t i = 0; i < message.size(); i += 2) {
      EXPECT_EQ(message[i].key, message[i + 1].key);
      EXPECT_FALSE(message[i].preshared_key) << "the removal comes first";
      EXPECT_TRUE(message[i + 1].preshared_key);
    }
  }
}

TEST(DeviceMessage, SpreadsAPeerWithManyAddresses) {
  PeerList list;
  list.peers.push_back({.public_key = TestKey(2), .first = 0, .count = 5000});
  for (unsigned i = 0; i < 5000; ++i) {
    Prefix prefix{.v6 = true, .length = 128};
    prefix.address[14] = static_cast<uint8_t>(i >> 8);
    prefix.address[15] = static_cast<uint8_t>(i);
    list.allowed.push_back(prefix);
  }
  std::vector<Prefix> allowed;
  const auto messages = SentBy({.set = {TestKey(2)}}, list).value();
  for (const auto& message : messages) {
    for (const Sent& peer : message) {
      EXPECT_EQ(peer.key, TestKey(2));
      allowed.insert(allowed.end(), peer.allowed.begin(), peer.allowed.end());
    }
  }
  EXPECT_EQ(allowed, list.allowed);
}

TEST(DeviceMessage, FlushesAlsoWhereNobodyFollows) {
  EXPECT_EQ(SentBy({.flush = true}, {}).value().size(), 1U);
  EXPECT_TRUE(SentBy({}, {}).value().empty());
}

TEST(DeviceMessage, EndsAtTheFirstFailure) {
  int sent = 0;
  const PeerList list = ParsePeers(TestLines({2}), TestRules()).value();
  const Status status = EncodeChange(kTarget, Difference({}, list), list, [&](std::string&) {
    ++sent;
    return Status(Error{ErrorCode::kIo, "no"});
  });
  EXPECT_FALSE(status);
  EXPECT_EQ(sent, 1);
}

std::string Told(const Key& key, int64_t seconds, bool endpoint, uint64_t received) {
  MessageWriter writer(0, 0);
  writer.Struct(genlmsghdr{});
  const size_t peers = writer.Begin(WGDEVICE_A_PEERS);
  const size_t peer = writer.Begin(0);
  writer.Attribute(WGPEER_A_PUBLIC_KEY, {reinterpret_cast<const char*>(key.data()), key.size()});
  const int64_t time[2] = {seconds, seconds == 0 ? 0 : 5'000'000};
  writer.Attribute(WGPEER_A_LAST_HANDSHAKE_TIME,
                   {reinterpret_cast<const char*>(time), sizeof time});
  if (endpoint) writer.Attribute(WGPEER_A_ENDPOINT, std::string(16, 'e'));
  writer.Number<uint64_t>(WGPEER_A_RX_BYTES, received);
  writer.End(peer);
  writer.End(peers);
  return writer.Take().substr(sizeof(nlmsghdr));
}

TEST(DeviceMessage, TellsWhatWasObservedOfAPeer) {
  const struct {
    int64_t seconds;
    bool endpoint;
    uint64_t received;
    bool observed;
  } cases[] = {{1, false, 0, true}, {0, true, 0, true}, {0, false, 1, true}, {0, false, 0, false}};
  for (const auto& c : cases) {
    int seen = 0;
    ASSERT_TRUE(DecodePeers(Told(TestKey(3), c.seconds, c.endpoint, c.received),
                            [&](const PeerReport& peer) -> Status {
                              ++seen;
                              EXPECT_EQ(peer.public_key, TestKey(3));
                              EXPECT_EQ(peer.last_handshake, Milliseconds(c.seconds * 1005));
                              EXPECT_EQ(peer.observed, c.observed);
                              return {};
                            }));
    EXPECT_EQ(seen, 1);
  }
}

TEST(DeviceMessage, RefusesWhatIsCutOffOrOutOfRange) {
  const auto nothing = [](const PeerReport&) { return Status(); };
  const std::string good = Told(TestKey(3), 1, true, 1);
  ASSERT_TRUE(DecodePeers(good, nothing));
  for (size_t cut = GENL_HDRLEN + 1; cut < good.size(); ++cut)
    EXPECT_FALSE(DecodePeers(std::string_view(good).substr(0, cut), nothing)) << cut;
  EXPECT_FALSE(DecodePeers(Told(TestKey(3), -1, true, 1), nothing));
  EXPECT_FALSE(DecodePeers(Told(TestKey(3), int64_t{1} << 60, true, 1), nothing));
}

}  // namespace
}  // namespace lethe::wireguard
