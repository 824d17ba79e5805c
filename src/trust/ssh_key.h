// Public keys of FIDO authenticators as OpenSSH writes them (PROTOCOL.u2f): the only keys that a
// policy takes from people. Pure.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lethe::trust {

inline constexpr size_t kMaxKeyBlobBytes = 1024;
inline constexpr size_t kMaxApplicationBytes = 256;

// Keys of the software authenticator of tests and demos: it makes no others, and no hardware key is
// enrolled with this application. So a test key is known by the key itself.
inline constexpr std::string_view kTestApplication = "ssh:lethe-test";

enum class KeyType {
  kSkEd25519,    // sk-ssh-ed25519@openssh.com
  kSkEcdsaP256,  // sk-ecdsa-sha2-nistp256@openssh.com
};
std::string_view ToString(KeyType type);  // the name that SSH uses

struct SshPublicKey {
  KeyType type = KeyType::kSkEd25519;
  std::string point;        // Ed25519: 32 bytes; P-256: 65 bytes, uncompressed, on the curve
  std::string application;  // "ssh:…", printable; hashed into every signature

  std::string Blob() const;         // the encoding that is hashed and signed over
  std::string Line() const;         // "sk-ssh-ed25519@openssh.com AAAA…"
  std::string Fingerprint() const;  // "SHA256:" and base64 without padding, as ssh-keygen -l
  bool IsTestKey() const { return application.starts_with(kTestApplication); }
  auto operator<=>(const SshPublicKey&) const = default;
};

// kMalformed for anything that is no SSH public key, has trailing bytes, an application that is not
// printable, or a point off its curve (Ed25519: or outside the group of prime order, or not
// canonical: no authenticator has such a key); kUntrusted for a well-formed key of another type
// (software keys, RSA, certificates), by its name, and for an application that does not begin with
// "ssh:" (a key of the web).
Result<SshPublicKey> ParseKeyBlob(std::string_view blob);

// "keytype base64 [comment]" as in a .pub file. Errors as ParseKeyBlob.
Result<SshPublicKey> ParseKeyLine(std::string_view line);

}  // namespace lethe::trust
