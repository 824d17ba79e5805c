#include "crypto/ms_chap.h"

#include <array>
#include <bit>
#include <cstdint>

#include "base/hex.h"
#include "base/strings.h"
#include "crypto/block_cipher.h"
#include "crypto/mac.h"

namespace lethe::crypto {
namespace {

// RFC 1320 3.4: one pass over a block of 16 words.
void Md4Block(const std::array<uint32_t, 16>& x, std::array<uint32_t, 4>& state) {
  constexpr uint32_t kAdd[] = {0, 0x5a827999, 0x6ed9eba1};
  constexpr int kShift[3][4] = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};
  constexpr int kOrder[3][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                 {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15},
                                 {0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15}};
  auto [a, b, c, d] = state;
  for (size_t round = 0; round < 3; ++round) {
    for (size_t i = 0; i < 16; ++i) {
      uint32_t f = b ^ c ^ d;
      if (round == 0) f = (b & c) | (~b & d);
      if (round == 1) f = (b & c) | (b & d) | (c & d);
      const uint32_t sum = a + f + x[static_cast<size_t>(kOrder[round][i])] + kAdd[round];
      a = d;
      d = c;
      c = b;
      b = std::rotl(sum, kShift[round][i % 4]);
    }
  }
  state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
}

// Nothing where it is not UTF-8.
std::optional<std::string> Utf16Le(std::string_view text) {
  if (!IsUtf8(text)) return {};
  std::string out;
  const auto add = [&out](uint32_t unit) {
    out += static_cast<char>(unit & 0xff);
    out += static_cast<char>(unit >> 8 & 0xff);
  };
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i]);
    const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t point = size == 1 ? first : first & (0x7fU >> size);
    for (size_t k = 1; k < size; ++k)
      point = point << 6 | (static_cast<uint8_t>(text[i + k]) & 0x3fU);
    i += size;
    if (point >= 0x10000) {
      add(0xd800 + ((point - 0x10000) >> 10));
      point = 0xdc00 + ((point - 0x10000) & 0x3ff);
    }
    add(point);
  }
  return out;
}

// RFC 2759 8.6: 7 bytes of key, whose bits are spread over 8.
std::string DesByShortKey(std::string_view key, std::string_view block) {
  uint64_t bits = 0;
  for (const char c : key) bits = bits << 8 | static_cast<uint8_t>(c);
  std::string spread;
  for (int shift = 49; shift >= 0; shift -= 7)
    spread += static_cast<char>((bits >> shift & 0x7f) << 1);
  return DesBlock(spread, block);
}

std::string Sha1(const std::string& text) { return Digest(Hash::kSha1, text); }

// RFC 2759 8.7
std::string AuthenticatorResponse(const std::string& password_hash_hash,
                                  const std::string& nt_response, const std::string& challenge) {
  const std::string first =
      Sha1(password_hash_hash + nt_response + "Magic server to client signing constant");
  const std::string digest = Sha1(first + challenge + "Pad to make it do more than one iteration");
  std::string out = HexEncode(digest);
  for (char& c : out)
    if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  return "S=" + out;
}

// RFC 3079 3.4
std::string StartKey(const std::string& master, const std::string& magic) {
  return Sha1(master + std::string(40, '\0') + magic + std::string(40, '\xf2')).substr(0, 16);
}

std::string SessionKeys(const std::string& password_hash_hash, const std::string& nt_response) {
  const std::string master =
      Sha1(password_hash_hash + nt_response + "This is the MPPE Master Key").substr(0, 16);
  return StartKey(master,
                  "On the client side, this is the send key; on the server side, it is the receive "
                  "key.") +
         StartKey(master,
                  "On the client side, this is the receive key; on the server side, it is the send "
                  "key.");
}

}  // namespace

std::string Md4(std::string_view data) {
  std::string padded(data);
  padded += '\x80';
  while (padded.size() % 64 != 56) padded += '\0';
  for (int i = 0; i < 8; ++i)
    padded += static_cast<char>(static_cast<uint64_t>(data.size()) * 8 >> (8 * i) & 0xff);
  std::array<uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  for (size_t at = 0; at < padded.size(); at += 64) {
    std::array<uint32_t, 16> words{};
    for (size_t i = 0; i < 64; ++i)
      words[i / 4] |= static_cast<uint32_t>(static_cast<uint8_t>(padded[at + i])) << (8 * (i % 4));
    Md4Block(words, state);
  }
  std::string out;
  for (const uint32_t word : state)
    for (int i = 0; i < 4; ++i) out += static_cast<char>(word >> (8 * i) & 0xff);
  return out;
}

std::optional<MsChap> MsChap::Make(const MsChapInput& input) {
  const auto password = Utf16Le(input.password);
  if (!password || input.authenticator_challenge.size() != kMsChapChallengeBytes ||
      input.peer_challenge.size() != kMsChapChallengeBytes)
    return {};
  const std::string hash = Md4(*password), hash_hash = Md4(hash);
  // RFC 2759 8.2: of "DOMAIN\user" the user alone.
  const std::string user = input.user.substr(input.user.rfind('\\') + 1);
  const std::string challenge =
      Sha1(input.peer_challenge + input.authenticator_challenge + user).substr(0, 8);
  MsChap out;
  const std::string keys = hash + std::string(5, '\0');
  for (size_t at = 0; at < 21; at += 7)
    out.nt_response_ += DesByShortKey(std::string_view(keys).substr(at, 7), challenge);
  out.authenticator_response_ = AuthenticatorResponse(hash_hash, out.nt_response_, challenge);
  out.session_keys_ = SessionKeys(hash_hash, out.nt_response_);
  return out;
}

}  // namespace lethe::crypto
