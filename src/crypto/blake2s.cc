#include "crypto/blake2s.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace lethe::crypto {
namespace {

constexpr size_t kBlock = 64;

// RFC 7693 2.6
constexpr std::array<uint32_t, 8> kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
// RFC 7693 2.7
constexpr uint8_t kSigma[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

class Hasher {
 public:
  Hasher(size_t key_size, size_t digest_size) : state_(kInitial) {
    state_[0] ^= 0x01010000U ^ static_cast<uint32_t>(key_size << 8 | digest_size);
  }

  // RFC 7693 3.2, function F. `bytes` are those hashed up to the end of this block.
  void Compress(const uint8_t* block, uint64_t bytes, bool last) {
    std::array<uint32_t, 16> message;
    for (size_t i = 0; i < 16; ++i) {
      message[i] = static_cast<uint32_t>(block[4 * i]) |
                   static_cast<uint32_t>(block[4 * i + 1]) << 8 |
                   static_cast<uint32_t>(block[4 * i + 2]) << 16 |
                   static_cast<uint32_t>(block[4 * i + 3]) << 24;
    }
    std::array<uint32_t, 16> v;
    std::copy(state_.begin(), state_.end(), v.begin());
    std::copy(kInitial.begin(), kInitial.end(), v.begin() + 8);
    v[12] ^= static_cast<uint32_t>(bytes);
    v[13] ^= static_cast<uint32_t>(bytes >> 32);
    if (last) v[14] = ~v[14];
    for (const auto& sigma : kSigma) {
      for (size_t i = 0; i < 4; ++i)
        Mix(v, i, i + 4, i + 8, i + 12, message[sigma[2 * i]], message[sigma[2 * i + 1]]);
      for (size_t i = 0; i < 4; ++i)
        Mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, message[sigma[2 * i + 8]],
            message[sigma[2 * i + 9]]);
    }
    for (size_t i = 0; i < 8; ++i) state_[i] ^= v[i] ^ v[i + 8];
  }

  void Output(uint8_t* out, size_t size) const {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(state_[i / 4] >> (i % 4 * 8));
  }

 private:
  // RFC 7693 3.1, function G
  static void Mix(std::array<uint32_t, 16>& v, size_t a, size_t b, size_t c, size_t d, uint32_t x,
                  uint32_t y) {
    v[a] += v[b] + x;
    v[d] = std::rotr(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 12);
    v[a] += v[b] + y;
    v[d] = std::rotr(v[d] ^ v[a], 8);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 7);
  }

  std::array<uint32_t, 8> state_;
};

void Hash(std::string_view key, std::string_view data, uint8_t* out, size_t size) {
  Hasher hasher(key.size(), size);
  std::array<uint8_t, kBlock> block{};
  uint64_t bytes = 0;
  if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
    bytes = kBlock;
    hasher.Compress(block.data(), bytes, data.empty());
    if (data.empty()) return hasher.Output(out, size);
  }
  while (data.size() > kBlock) {
    bytes += kBlock;
    hasher.Compress(reinterpret_cast<const uint8_t*>(data.data()), bytes, false);
    data.remove_prefix(kBlock);
  }
  block.fill(0);
  std::memcpy(block.data(), data.data(), data.size());
  hasher.Compress(block.data(), bytes + data.size(), true);
  hasher.Output(out, size);
}

std::string_view View(const Blake2sDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

Blake2sDigest Blake2s(std::string_view data) {
  Blake2sDigest out;
  Hash({}, data, out.data(), out.size());
  return out;
}

std::array<uint8_t, 16> Blake2sMac(std::string_view key, std::string_view data) {
  LETHE_ASSERT(!key.empty() && key.size() <= 32);
  std::array<uint8_t, 16> out;
  Hash(key, data, out.data(), out.size());
  return out;
}

Blake2sDigest HmacBlake2s(std::string_view key, std::string_view data) {
  std::string padded(key.size() > kBlock ? View(Blake2s(key)) : key);
  padded.resize(kBlock);
  std::string inner = padded, outer = padded;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return Blake2s(outer + std::string(View(Blake2s(inner.append(data)))));
}

}  // namespace lethe::crypto
