// A FIDO key in software: what the test authenticator (apps/lethe-test-sk) signs with, and what
// tests and benchmarks use where a real ssh-keygen would be too slow. It makes test keys only
// (kTestApplication), so every policy that does not allow them refuses what it signs. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "trust/sshsig.h"

namespace lethe::trust {

inline constexpr size_t kSoftwareSecretBytes = 32;

class SoftwareKey {
 public:
  struct Options {
    KeyType type = KeyType::kSkEd25519;
    std::string application = std::string(kTestApplication);
    std::string secret;  // kSoftwareSecretBytes
  };
  // kUsage for an application that is not one of test keys, or a secret that is none of the curve.
  static Result<SoftwareKey> Create(const Options& options);

  // A key for tests, the same for the same name.
  static SoftwareKey ForTest(std::string_view name, KeyType type = KeyType::kSkEd25519);

  const SshPublicKey& public_key() const { return public_key_; }

  // As an authenticator: 64 bytes, r and s or Ed25519.
  std::string Sign(const Authenticator& by, std::string_view framed) const;

  struct Answer {
    uint8_t flags = kFlagUserPresent;
    uint32_t counter = 1;
    SshHash hash = SshHash::kSha512;
  };
  // As `ssh-keygen -Y sign` would: armoured.
  std::string SignSsh(const SshSigned& what, const Answer& answer) const;
  std::string SignSsh(const SshSigned& what) const { return SignSsh(what, Answer{}); }

 private:
  SoftwareKey(SshPublicKey public_key, std::string secret)
      : public_key_(std::move(public_key)), secret_(std::move(secret)) {}
  SshPublicKey public_key_;
  std::string secret_;
};

}  // namespace lethe::trust
