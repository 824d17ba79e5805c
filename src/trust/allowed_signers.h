// allowed_signers (ssh-keygen(1), ALLOWED SIGNERS): who may sign what, in the words of ssh-keygen
// and git, so that they can be used beside us. We take a strict subset. Pure.
//   alice namespaces="git,review@example.org",valid-before="20270101Z" sk-ssh-ed25519@… AAAA… note
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trust/ssh_key.h"

namespace lethe::trust {

inline constexpr size_t kMaxAllowedSignersBytes = 1 << 20;
inline constexpr size_t kMaxAllowedSigners = 4000;
inline constexpr size_t kMaxAllowedNames = 100;  // principals or namespaces of one line

struct AllowedSigner {
  std::vector<std::string> principals;  // at least one; no patterns
  SshPublicKey key;
  std::vector<std::string> namespaces;  // at least one; no patterns
  std::optional<int64_t> valid_after_unix_s;
  // ssh-keygen still takes what was signed in this very second.
  std::optional<int64_t> valid_before_unix_s;

  bool operator==(const AllowedSigner&) const = default;
};

// Errors name file and line. kMalformed: what ssh-keygen does not read either, an unknown option,
// an option or a name twice, times without 'Z' (they would mean another second on each machine), an
// end that is not behind its begin. kUntrusted: what ssh-keygen reads and we do not take: a line
// without namespaces (its key could sign everything), cert-authority, patterns, other types of
// keys. `file` is only for messages.
Result<std::vector<AllowedSigner>> ParseAllowedSigners(std::string_view text, std::string file);

// One line each, in their order. Precondition: names as ParseAllowedSigners takes them.
std::string WriteAllowedSigners(const std::vector<AllowedSigner>& signers);

}  // namespace lethe::trust
