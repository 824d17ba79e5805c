#include "trust/verifier_keys.h"

#include <algorithm>

#include "base/base64.h"
#include "base/hex.h"
#include "base/strings.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace lethe::trust {
namespace {

constexpr size_t kMaxNoteNameBytes = 255;
constexpr size_t kMaxPublicKeyTextBytes = 1024;
constexpr std::string_view kPemBegin = "-----BEGIN PUBLIC KEY-----\n";
constexpr std::string_view kPemEnd = "-----END PUBLIC KEY-----";

// What stands before the key itself in a SubjectPublicKeyInfo (RFC 8410, RFC 5480).
constexpr std::string_view kEd25519Prefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
constexpr std::string_view kP256Prefix(
    "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\x03\x42\x00",
    26);

Error Bad(std::string_view what) { return Error{ErrorCode::kMalformed, std::string(what)}; }

bool IsNoteName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNoteNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string KeyIdOf(std::string_view name, std::string_view key) {
  const std::string hashed = std::string(name) + "\n" + std::string(key);
  const auto digest = crypto::Sha256Of(hashed);
  return HexEncode(std::span(digest.bytes).first(4));
}

}  // namespace

Result<NoteKey> ParseNoteKey(std::string_view line, NoteAlgorithm algorithm) {
  const std::string quoted = "verifier key '" + Printable(line.substr(0, 100)) + "': ";
  const size_t first = line.find('+');
  const size_t second = first == line.npos ? line.npos : line.find('+', first + 1);
  if (second == line.npos) return Bad(quoted + "must be name+keyid+base64");
  const std::string_view name = line.substr(0, first);
  if (!IsNoteName(name)) return Bad(quoted + "must have a name of 1 to 255 visible characters");
  const std::string key = LETHE_TRY_IN(Base64Decode(line.substr(second + 1)), quoted + "its key");
  if (key.size() != 1 + crypto::kEd25519PublicBytes ||
      static_cast<uint8_t>(key[0]) != static_cast<uint8_t>(algorithm)) {
    return Bad(quoted + "must be an Ed25519 key with algorithm byte " +
               std::to_string(static_cast<int>(algorithm)));
  }
  if (!crypto::IsEd25519Point(std::string_view(key).substr(1)))
    return Bad(quoted + "is no point of Ed25519");
  if (line.substr(first + 1, second - first - 1) != KeyIdOf(name, key))
    return Bad(quoted + "its key ID should be " + KeyIdOf(name, key));
  return NoteKey{std::string(name), std::string(line)};
}

Result<std::string> ParsePublicKeyInfo(std::string_view text) {
  if (text.size() > kMaxPublicKeyTextBytes) return Bad("a public key of more than 1024 characters");
  text = Trim(text);
  std::string base64;
  if (text.starts_with(kPemBegin) && text.ends_with(kPemEnd)) {
    text.remove_prefix(kPemBegin.size());
    text.remove_suffix(std::min(text.size(), kPemEnd.size()));
    for (const std::string_view line : Lines(text)) base64 += line;
  } else {
    base64 = text;
  }
  const std::string der = LETHE_TRY_IN(Base64Decode(base64), "a public key (SubjectPublicKeyInfo)");
  const std::string_view bytes = der;
  const bool ed25519 =
      bytes.starts_with(kEd25519Prefix) && crypto::IsEd25519Point(bytes.substr(12));
  const bool p256 = bytes.starts_with(kP256Prefix) && crypto::IsP256Point(bytes.substr(26));
  if (!ed25519 && !p256)
    return Bad("a public key must be a SubjectPublicKeyInfo of Ed25519 or of P-256, uncompressed");
  return der;
}

}  // namespace lethe::trust
