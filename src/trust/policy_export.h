// A policy in the words of other tools. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trust/allowed_signers.h"
#include "trust/policy.h"

namespace lethe::trust {

// For ssh-keygen -Y verify and git's gpg.ssh.allowedSignersFile: each key that is not revoked, with
// its person, namespaces and validity. Both tools judge validity, neither judges touch or PIN.
std::vector<AllowedSigner> AllowedSignersOf(const Policy& policy);

// A key revocation list (OpenSSH's PROTOCOL.krl) of the revoked fingerprints: for ssh-keygen -Y
// verify -r and git's gpg.ssh.revocationFile. Equal policies give equal bytes.
std::string RevocationListOf(const Policy& policy);

// c2sp.org/tlog-policy: the log, the witnesses and their quorum. Nothing where there is no log.
std::optional<std::string> TlogPolicyOf(const Policy& policy);

}  // namespace lethe::trust
