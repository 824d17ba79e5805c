#include "wireguard/keys.h"

#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "base/base64.h"
#include "base/file.h"
#include "crypto/x25519.h"

namespace lethe::wireguard {
namespace {

constexpr size_t kKeyText = 44;

}  // namespace

Result<Key> ParseKey(std::string_view text) {
  const Error bad{ErrorCode::kMalformed, "a key is not 32 bytes in base64"};
  if (text.size() != kKeyText) return bad;
  auto bytes = Base64Decode(text);
  Key key{};
  if (!bytes || bytes->size() != key.size()) return bad;
  std::copy(bytes->begin(), bytes->end(), key.begin());
  Forget(*bytes);
  if (key == Key{}) return Error{ErrorCode::kMalformed, "a key is zero"};
  return key;
}

std::string WriteKey(const Key& key) {
  return Base64Encode({reinterpret_cast<const char*>(key.data()), key.size()});
}

Result<Key> ReadKeyFile(const std::filesystem::path& path) {
  std::string text = LETHE_TRY(ReadFile(path, kKeyText + 1));
  std::string_view line = text;
  if (line.ends_with('\n')) line.remove_suffix(1);
  auto key = ParseKey(line);
  Forget(text);
  if (!key) return key.error().In(path.string());
  return key;
}

Key PublicKeyOf(const Key& private_key) { return crypto::X25519PublicKey(private_key); }

Result<Key> NewPrivateKey() {
  Key key{};
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    return IoError("drawing", "a key");
  // As WireGuard's own tools do (RFC 7748 5, decodeScalar25519).
  key[0] = static_cast<uint8_t>(key[0] & 248U);
  key[31] = static_cast<uint8_t>((key[31] & 127U) | 64U);
  return key;
}

void Forget(Key& key) { ::explicit_bzero(key.data(), key.size()); }

void Forget(std::string& text) {
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

std::string WriteProbeKeys(const Key& probe_private, const Key& server_public) {
  return WriteKey(probe_private) + "\n" + WriteKey(server_public) + "\n";
}

}  // namespace lethe::wireguard
