#include "trust/signer.h"

#include <algorithm>

#include "base/utc.h"

namespace lethe::trust {
namespace {

bool NeedsPin(const Policy& policy, Use use) {
  switch (use) {
    case Use::kCommit:
    case Use::kReview:
      return policy.review.pin;
    case Use::kRelease:
      return policy.release.pin;
    case Use::kPolicy:
      return policy.next.pin;
  }
  return true;
}

std::string About(const PolicyKey& key, const std::string& fingerprint) {
  return key.person + "'s key " + fingerprint;
}

}  // namespace

Verdict<const PolicyKey*> FindKey(const Policy& policy, const SshPublicKey& key,
                                  const KeyUse& use) {
  const std::string fingerprint = key.Fingerprint();
  for (const RevokedKey& revoked : policy.revoked) {
    if (revoked.fingerprint != fingerprint) continue;
    return Refusal{Reason::kKeyRevoked, "key " + fingerprint + " is revoked: " + revoked.reason};
  }
  const auto found = std::find_if(policy.keys.begin(), policy.keys.end(),
                                  [&](const PolicyKey& entry) { return entry.key == key; });
  if (found == policy.keys.end()) {
    return Refusal{Reason::kUnknownKey, "key " + fingerprint + " is not in the policy"};
  }
  if (key.IsTestKey() && !policy.allow_test_keys) {
    return Refusal{Reason::kTestKey, About(*found, fingerprint) + " is one of tests"};
  }
  if (!found->may.contains(use.use)) {
    return Refusal{Reason::kKeyMayNot, About(*found, fingerprint) + " is not for use '" +
                                           std::string(ToString(use.use)) + "'"};
  }
  if (found->valid_after_unix_s && use.at_unix_s < *found->valid_after_unix_s) {
    return Refusal{Reason::kKeyNotYetValid, About(*found, fingerprint) + " is valid from " +
                                                FormatUtc(*found->valid_after_unix_s) + " on"};
  }
  if (found->valid_before_unix_s && use.at_unix_s >= *found->valid_before_unix_s) {
    return Refusal{Reason::kKeyExpired, About(*found, fingerprint) + " was valid before " +
                                            FormatUtc(*found->valid_before_unix_s)};
  }
  return &*found;
}

Verdict<Signer> CheckSignature(const Policy& policy, std::string_view armoured,
                               std::string_view message, const KeyUse& use) {
  const SshSignature signature = LETHE_TRY(ParseSshSignature(armoured));
  const PolicyKey* key = LETHE_TRY(FindKey(policy, signature.key, use));
  Signer signer{key->person, signature.key.Fingerprint(), signature.key, signature.flags,
                signature.counter};
  LETHE_TRY_IN(VerifySshSignature(signature, {message, policy.Namespace(use.use)}),
               About(*key, signer.fingerprint));
  if (NeedsPin(policy, use.use) && !signature.pin_verified()) {
    return Refusal{Reason::kNoPin,
                   About(*key, signer.fingerprint) + " was touched, but its PIN was not given"};
  }
  return signer;
}

}  // namespace lethe::trust
