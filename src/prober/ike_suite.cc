#include "prober/ike_suite.h"

#include <algorithm>

#include "base/assert.h"
#include "base/strings.h"
#include "crypto/block_cipher.h"
#include "probe/bytes.h"

namespace lethe::prober::ike {
namespace {

constexpr size_t kSaltBytes = 4;

struct NamedCipher {
  std::string_view name;
  uint16_t encryption;
  uint16_t key_bits;
};
constexpr NamedCipher kCiphers[] = {{"aes128gcm16", kAesGcm16, 128},
                                    {"aes256gcm16", kAesGcm16, 256},
                                    {"chacha20poly1305", kChaChaPoly, 0},
                                    {"aes128", kAesCbc, 128},
                                    {"aes256", kAesCbc, 256}};
struct NamedHash {
  std::string_view name;
  uint16_t integrity;
  uint16_t prf;
};
constexpr NamedHash kHashes[] = {{"sha1", kHmacSha1, kPrfSha1},
                                 {"sha256", kHmacSha256, kPrfSha256},
                                 {"sha384", kHmacSha384, kPrfSha384},
                                 {"sha512", kHmacSha512, kPrfSha512}};
struct NamedGroup {
  std::string_view name;
  crypto::Group group;
};
constexpr NamedGroup kGroups[] = {{"x25519", crypto::Group::kCurve25519},
                                  {"ecp256", crypto::Group::kEcp256},
                                  {"ecp384", crypto::Group::kEcp384},
                                  {"modp2048", crypto::Group::kModp2048}};

template <typename T, size_t N>
const T* Named(const T (&all)[N], std::string_view name) {
  const auto* found = std::find_if(all, all + N, [name](const T& one) { return one.name == name; });
  return found == all + N ? nullptr : found;
}

// Cipher, and integrity where the cipher has none of its own. What is left comes after them.
bool TakeCipher(std::vector<std::string_view>& words, Suite& out) {
  const NamedCipher* cipher = words.empty() ? nullptr : Named(kCiphers, words[0]);
  if (cipher == nullptr) return false;
  out.encryption = cipher->encryption;
  out.key_bits = cipher->key_bits;
  words.erase(words.begin());
  if (out.encryption != kAesCbc) return true;
  const NamedHash* hash = words.empty() ? nullptr : Named(kHashes, words[0]);
  if (hash == nullptr) return false;
  out.integrity = hash->integrity;
  out.prf = hash->prf;  // where none is named
  words.erase(words.begin());
  return true;
}

crypto::Hash IntegrityHash(const Suite& suite) {
  switch (suite.integrity) {
    case kHmacSha1:
      return crypto::Hash::kSha1;
    case kHmacSha384:
      return crypto::Hash::kSha384;
    case kHmacSha512:
      return crypto::Hash::kSha512;
    default:
      return crypto::Hash::kSha256;
  }
}

}  // namespace

std::optional<Suite> ParseIkeSuite(std::string_view name) {
  auto words = Split(name, '-');
  Suite out;
  if (!TakeCipher(words, out)) return {};
  if (!words.empty() && words[0].starts_with("prf")) {
    const NamedHash* prf = Named(kHashes, words[0].substr(3));
    if (prf == nullptr) return {};
    out.prf = prf->prf;
    words.erase(words.begin());
  }
  const NamedGroup* group = words.size() == 1 ? Named(kGroups, words[0]) : nullptr;
  if (group == nullptr || out.prf == 0) return {};
  out.group = static_cast<uint16_t>(group->group);
  return out;
}

std::optional<Suite> ParseEspSuite(std::string_view name) {
  auto words = Split(name, '-');
  Suite out;
  if (!TakeCipher(words, out) || !words.empty()) return {};
  out.prf = 0;
  return out;
}

crypto::Hash PrfHash(const Suite& suite) {
  switch (suite.prf) {
    case kPrfSha1:
      return crypto::Hash::kSha1;
    case kPrfSha384:
      return crypto::Hash::kSha384;
    case kPrfSha512:
      return crypto::Hash::kSha512;
    default:
      LETHE_ASSERT(suite.prf == kPrfSha256);
      return crypto::Hash::kSha256;
  }
}

std::string Prf(const Suite& suite, std::string_view key, std::string_view data) {
  return crypto::Hmac(PrfHash(suite), key, data);
}

std::string PrfPlus(const Suite& suite, std::string_view key, std::string_view seed, size_t bytes) {
  std::string out, last;
  for (char count = 1; out.size() < bytes; ++count) {
    last = Prf(suite, key, last + std::string(seed) + count);
    out += last;
  }
  return out.substr(0, bytes);
}

crypto::Group GroupOf(const Suite& suite) { return static_cast<crypto::Group>(suite.group); }

size_t EncryptionKeyBytes(const Suite& suite) {
  const size_t key = suite.key_bits == 0 ? 32 : suite.key_bits / 8U;
  return suite.encryption == kAesCbc ? key : key + kSaltBytes;
}

size_t IntegrityKeyBytes(const Suite& suite) {
  return suite.integrity == 0 ? 0 : crypto::HashBytes(IntegrityHash(suite));
}

size_t Cipher::check_bytes() const {
  if (suite_.encryption != kAesCbc) return crypto::kAeadTagBytes;
  return suite_.integrity == kHmacSha1 ? 12 : IntegrityKeyBytes(suite_) / 2;
}

crypto::AeadKey Cipher::Aead() const {
  return {
      suite_.encryption == kChaChaPoly ? crypto::Aead::kChaCha20Poly1305 : crypto::Aead::kAesGcm,
      encryption_key_.substr(0, encryption_key_.size() - kSaltBytes)};
}

std::string Cipher::Check(std::string_view bytes) const {
  return crypto::Hmac(IntegrityHash(suite_), integrity_key_, bytes).substr(0, check_bytes());
}

std::string Cipher::Seal(std::string_view head, std::string_view text,
                         const std::function<std::string(size_t)>& random) {
  if (suite_.encryption == kAesCbc) {
    std::string out = random(iv_bytes());
    out += crypto::AesCbcEncrypt(encryption_key_, out, text);
    return out + Check(std::string(head) + out);
  }
  std::string iv;
  probe::AppendBigEndian(iv, ++counter_, static_cast<int>(iv_bytes()));
  return iv + crypto::AeadSeal(Aead(), Salt() + iv, text, head);
}

std::optional<std::string> Cipher::Open(std::string_view head, std::string_view sealed) const {
  if (sealed.size() < iv_bytes() + check_bytes()) return {};
  const std::string_view iv = sealed.substr(0, iv_bytes());
  const std::string_view rest = sealed.substr(iv_bytes());
  if (suite_.encryption != kAesCbc)
    return crypto::AeadOpen(Aead(), Salt() + std::string(iv), rest, head);
  const size_t checked = sealed.size() - check_bytes();
  if (Check(std::string(head) + std::string(sealed.substr(0, checked))) != sealed.substr(checked))
    return {};
  return crypto::AesCbcDecrypt(encryption_key_, iv, rest.substr(0, rest.size() - check_bytes()));
}

}  // namespace lethe::prober::ike
