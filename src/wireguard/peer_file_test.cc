#include "wireguard/peer_file.h"

#include <gtest/gtest.h>

#include "wireguard/test_peers.h"

namespace lethe::wireguard {
namespace {

std::string Line(unsigned number, const std::string& rest) {
  return WriteKey(TestKey(number)) + " " + rest + "\n";
}

TEST(PeerFile, ReadsKeysAndAddresses) {
  const std::string preshared = WriteKey(TestKey(77));
  const auto list =
      ParsePeers(Line(5, "- 10.9.0.5/32") + Line(3, preshared + " fd00:9::3/128,10.9.0.3/32"),
                 TestRules())
          .value();
  ASSERT_EQ(list.peers.size(), 2U);
  EXPECT_EQ(list.peers[0].public_key, TestKey(3)) << "sorted by key";
  EXPECT_EQ(list.peers[0].preshared_key, TestKey(77));
  EXPECT_EQ(list.peers[0].line, 2U);
  const auto allowed = list.AllowedOf(list.peers[0]);
  ASSERT_EQ(allowed.size(), 2U);
  EXPECT_EQ(allowed[0], ParsePrefix("10.9.0.3/32").value()) << "sorted by address";
  EXPECT_EQ(list.peers[1].preshared_key, Key{});
  EXPECT_TRUE(ParsePeers("", TestRules()).value().peers.empty());
}

TEST(PeerFile, NamesTheFirstBadLineAndNotWhatItSays) {
  const std::string good = Line(1, "- 10.9.0.11/32") + Line(2, "- 10.9.0.12/32");
  const std::string key = WriteKey(TestKey(3));
  std::string odd = key;
  odd[42] = 'F';  // bits behind the last byte
  const std::pair<std::string, std::string> cases[] = {
      {"\n", "not a public key"},
      {key + "\n", "not a public key"},
      {key + " - 10.9.0.3/32 \n", "not a public key"},
      {key + "  - 10.9.0.3/32\n", "not a public key"},
      {key + "\t-\t10.9.0.3/32\n", "not a public key"},
      {"# comment -\n", "a key is not"},
      {key + " - 10.9.0.3/32\r\n", "the length of an address"},
      {key + " - 10.9.0.3/32", "does not end in a newline"},
      {key.substr(0, 43) + " - 10.9.0.3/32\n", "a key is not"},
      {odd + " - 10.9.0.3/32\n", "a key is not"},
      {WriteKey(Key{}) + " - 10.9.0.3/32\n", "a key is zero"},
      {WriteKey(TestKey(9999)) + " - 10.9.0.3/32\n", "the server's own"},
      {key + " " + WriteKey(Key{}) + " 10.9.0.3/32\n", "a key is zero"},
      {key + " none 10.9.0.3/32\n", "a key is not"},
      {key + " - \n", "address"},
      {key + " - ,\n", "address"},
      {key + " - 10.9.0.3/32,\n", "an address is missing"},
      {key + " - 10.9.0.3/32,,10.9.0.4/32\n", "not written as address/length"},
      {key + " - 10.9.0.3/24\n", "bits behind its length"},
      {key + " - 10.8.0.3/32\n", "outside of the server's networks"},
      {key + " - 0.0.0.0/0\n", "outside of the server's networks"},
      {key + " - 10.9.0.0/24\n", "an allowed address is the server's own"},
      {key + " - fd00:9::1/128\n", "an allowed address is the server's own"},
      {key + " - " + std::string(600, '1') + "\n", "more than 512 bytes"},
      {WriteKey(TestKey(2)) + " - 10.9.0.3/32\n", "the key came before"},
      {key + " - 10.9.0.12/32\n", "overlaps with another"},
      {key + " - 10.9.0.3/32,10.9.0.3/32\n", "overlaps with another"},
  };
  for (const auto& [line, why] : cases) {
    const auto list = ParsePeers(good + line, TestRules());
    ASSERT_FALSE(list) << line;
    EXPECT_EQ(list.error().code, ErrorCode::kMalformed) << line;
    EXPECT_TRUE(list.error().message.starts_with("line 3: ")) << list.error().message;
    EXPECT_NE(list.error().message.find(why), std::string::npos) << list.error().message;
    EXPECT_EQ(list.error().message.find("10."), std::string::npos) << list.error().message;
    EXPECT_EQ(list.error().message.find(key.substr(0, 6)), std::string::npos);
  }
}

TEST(PeerFile, NamesTheFirstLineThatOverlapsWithAnEarlierOne) {
  // 1 around 3 and 5; 4 within 5: 3 is the first that overlaps with one before it.
  const std::string text = Line(1, "- 10.9.4.0/22") + Line(2, "- 10.9.8.0/24") +
                           Line(3, "- 10.9.7.9/32") + Line(4, "- 10.9.5.9/32") +
                           Line(5, "- 10.9.5.0/24");
  EXPECT_TRUE(ParsePeers(text, TestRules()).error().message.starts_with("line 3: "));
  // 2 lies in 3, which lies in 1.
  const std::string nested =
      Line(1, "- 10.9.4.0/22") + Line(2, "- 10.9.5.9/32") + Line(3, "- 10.9.5.0/24");
  EXPECT_TRUE(ParsePeers(nested, TestRules()).error().message.starts_with("line 2: "));
}

TEST(PeerFile, ReadsKeysToRemove) {
  EXPECT_EQ(ParseKeys(WriteKey(TestKey(9)) + "\n" + WriteKey(TestKey(2)) + "\n").value(),
            (std::vector<Key>{TestKey(2), TestKey(9)}));
  const std::string key = WriteKey(TestKey(1)) + "\n";
  for (const std::string& bad :
       {key + key, key + "-\n", key + Line(2, "- 10.9.0.2/32"), key + WriteKey(TestKey(2))}) {
    const auto keys = ParseKeys(bad);
    ASSERT_FALSE(keys) << bad;
    EXPECT_TRUE(keys.error().message.starts_with("line 2: ")) << keys.error().message;
  }
}

TEST(PeerFile, HasAMillionLinesAtMost) {
  std::string many;
  many.reserve(45 * (kMaxPeers + 1));
  for (size_t i = 0; i <= kMaxPeers; ++i) {
    Key key{};
    key[0] = static_cast<uint8_t>(i);
    key[1] = static_cast<uint8_t>(i >> 8);
    key[2] = static_cast<uint8_t>(i >> 16);
    key[31] = 1;
    many += WriteKey(key) + "\n";
  }
  EXPECT_EQ(ParseKeys(many).error().message, "line 1000001: more than 1000000 lines");
}

}  // namespace
}  // namespace lethe::wireguard
