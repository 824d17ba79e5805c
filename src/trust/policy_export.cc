#include "trust/policy_export.h"

#include <algorithm>

#include "base/assert.h"
#include "base/base64.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

// PROTOCOL.krl
constexpr std::string_view kKrlMagic("SSHKRL\n\0", 8);
constexpr uint32_t kKrlFormat = 1;
constexpr char kKrlFingerprintSha256 = 5;

std::string U64(uint64_t value) {
  return SshU32(static_cast<uint32_t>(value >> 32)) + SshU32(static_cast<uint32_t>(value));
}

bool IsRevoked(const Policy& policy, const PolicyKey& key) {
  const std::string fingerprint = key.key.Fingerprint();
  return std::any_of(policy.revoked.begin(), policy.revoked.end(),
                     [&](const RevokedKey& r) { return r.fingerprint == fingerprint; });
}

}  // namespace

std::vector<AllowedSigner> AllowedSignersOf(const Policy& policy) {
  std::vector<AllowedSigner> signers;
  for (const PolicyKey& key : policy.keys) {
    if (IsRevoked(policy, key)) continue;
    AllowedSigner signer{{key.person}, key.key, {}, key.valid_after_unix_s, {}};
    for (const Use use : key.may) signer.namespaces.push_back(policy.Namespace(use));
    if (key.valid_before_unix_s) {
      // ssh-keygen's end is the last valid second, ours the first that is not.
      signer.valid_before_unix_s = *key.valid_before_unix_s - 1;
      // It takes no key of a single second.
      if (key.valid_after_unix_s && *signer.valid_before_unix_s <= *key.valid_after_unix_s)
        continue;
    }
    signers.push_back(std::move(signer));
  }
  return signers;
}

std::string RevocationListOf(const Policy& policy) {
  std::vector<std::string> digests;
  for (const RevokedKey& key : policy.revoked) {
    auto digest =
        Base64Decode(std::string_view(key.fingerprint).substr(7), {.url = false, .padding = false});
    LETHE_ASSERT(digest);  // checked when the policy was parsed
    digests.push_back(std::move(*digest));
  }
  std::sort(digests.begin(), digests.end());
  std::string list(kKrlMagic);
  list += SshU32(kKrlFormat) + U64(static_cast<uint64_t>(policy.number));
  list += U64(0);         // the date of its making: none, for equal bytes
  list += U64(0);         // flags
  list += SshString("");  // reserved
  list += SshString("policy " + std::to_string(policy.number) + " of " + policy.domain);
  if (digests.empty()) return list;
  std::string section;
  for (const std::string& digest : digests) section += SshString(digest);
  return list + kKrlFingerprintSha256 + SshString(section);
}

std::optional<std::string> TlogPolicyOf(const Policy& policy) {
  if (!policy.log) return {};
  std::string text = "# policy " + std::to_string(policy.number) + " of " + policy.domain + "\n";
  text += "log " + policy.log->line + "\n";
  if (policy.witnesses.empty()) return text + "quorum none\n";
  std::string group;
  for (size_t i = 0; i < policy.witnesses.size(); ++i) {
    const std::string name = "witness-" + std::to_string(i + 1);
    text += "witness " + name + " " + policy.witnesses[i].line + "\n";
    group += " " + name;
  }
  text += "group witnesses " + std::to_string(policy.witness_quorum) + group + "\n";
  return text + "quorum witnesses\n";
}

}  // namespace lethe::trust
