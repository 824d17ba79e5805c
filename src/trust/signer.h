// Who signed, and may they: a signature against the policy at a time. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "trust/policy.h"
#include "trust/sshsig.h"

namespace lethe::trust {

struct KeyUse {
  Use use;
  int64_t at_unix_s;  // the bound: when the log's witnesses saw it, or now; never what it claims
};

// The policy's entry of this key. kKeyRevoked, kUnknownKey, kTestKey, kKeyMayNot, kKeyNotYetValid,
// kKeyExpired, in this order. The pointer lives as long as the policy.
Verdict<const PolicyKey*> FindKey(const Policy& policy, const SshPublicKey& key, const KeyUse& use);

struct Signer {
  std::string person;
  std::string fingerprint;
  SshPublicKey key;
  uint8_t flags = 0;
  uint32_t counter = 0;
};

// Everything about one armoured signature of `message`: format, key, purpose, touch, PIN where the
// policy asks for it, and the signature itself.
Verdict<Signer> CheckSignature(const Policy& policy, std::string_view armoured,
                               std::string_view message, const KeyUse& use);

}  // namespace lethe::trust
