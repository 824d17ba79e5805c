// SSHSIG (PROTOCOL.sshsig) by FIDO keys (PROTOCOL.u2f): read and checked byte for byte. What these
// functions do not judge is whether the signer is somebody: trust/signer.h. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trust/refusal.h"
#include "trust/ssh_key.h"

namespace lethe::trust {

inline constexpr size_t kMaxSshSignatureBytes = 16 << 10;  // armoured

enum class SshHash { kSha256, kSha512 };

inline constexpr uint8_t kFlagUserPresent = 0x01;   // touched
inline constexpr uint8_t kFlagUserVerified = 0x04;  // by PIN or fingerprint

struct SshSignature {
  SshPublicKey key;
  std::string name_space;
  SshHash hash = SshHash::kSha512;
  std::string raw;       // 64 bytes: Ed25519, or r and s of P-256, big-endian
  uint8_t flags = 0;     // of the authenticator
  uint32_t counter = 0;  // of the authenticator; 0 where it has none

  bool touched() const { return (flags & kFlagUserPresent) != 0; }
  bool pin_verified() const { return (flags & kFlagUserVerified) != 0; }
};

// "-----BEGIN SSH SIGNATURE-----" … as ssh-keygen and git write it. Malformed: bad armour, version,
// hash, lengths, trailing bytes, an empty namespace, a reserved field that is not empty, a
// signature type that is not the key's. Unknown key: a well-formed signature by another type of key
// (RSA, software keys, webauthn), by its name.
Verdict<SshSignature> ParseSshSignature(std::string_view armoured);

// The same without armour.
Verdict<SshSignature> ParseSshSignatureBlob(std::string_view blob);

// For writers of test vectors and for bundles: what ssh-keygen would write.
std::string ArmourSshSignature(std::string_view blob);

// The blob of a signature, without armour.
std::string SshSignatureBlob(const SshSignature& signature);

// What was signed, and for what.
struct SshSigned {
  std::string_view message;
  std::string_view name_space;  // the purpose that the caller expects
};

// What SSH hands to the authenticator to be signed.
std::string SshFramedMessage(const SshSigned& what, SshHash hash);

// What an authenticator adds of its own.
struct Authenticator {
  std::string_view application;
  uint8_t flags = 0;
  uint32_t counter = 0;
};

// The bytes that its key signs.
std::string AuthenticatorBytes(const Authenticator& by, std::string_view framed);

// kWrongNamespace, kNoTouch, kBadSignature, in this order. Ed25519 by the strict rule (libsodium).
Verdict<void> VerifySshSignature(const SshSignature& signature, const SshSigned& expected);

}  // namespace lethe::trust
