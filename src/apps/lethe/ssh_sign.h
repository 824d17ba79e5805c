// Signatures by people: made by `ssh-keygen -Y sign`, so that every FIDO key works as it does for
// ssh and git, with its touch and its PIN, and with ssh-agent.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/signer.h"

namespace lethe::cli {

inline constexpr const char* kSshKeygenPackage = "openssh-client";  // of Debian

struct SshSigning {
  std::filesystem::path key;  // private key file (a FIDO key's handle), or .pub of one in ssh-agent
  std::string name_space;     // policy.Namespace(use)
  bool pin = false;           // whether the signature must say that a PIN was given
};

// Whose key it is by its .pub, where the policy lets it sign: to refuse before anybody is asked for
// a touch. Refused as trust::FindKey does; empty where there is no .pub: only the signature tells.
trust::Verdict<std::string> PersonOfKey(const trust::Policy& policy,
                                        const std::filesystem::path& key, const trust::KeyUse& use);

struct SignedMessage {
  std::string armoured;
  trust::SshSignature signature;
};

// Asks the person to touch the key, on stderr; ssh-keygen asks for the PIN on the terminal. The
// signature is checked before it is returned: of this message, for this namespace, with touch, and
// with PIN where `pin`; kUntrusted where it is not. Warns on stderr where a software key signed.
// kIo with ssh-keygen's own words where it fails, kUnavailable where there is none.
Result<SignedMessage> SignWithSsh(const SshSigning& signing, std::string_view message);

}  // namespace lethe::cli
