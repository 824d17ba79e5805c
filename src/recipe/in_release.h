// InRelease files: the signed table of contents of a Debian suite. Runs Debian's gpgv, so that a
// key counts here exactly when it counts for apt.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace lethe::recipe {

struct VerifiedRelease {
  std::string text;       // only what the signatures cover
  std::string signed_by;  // fingerprints of the primary keys, sorted, separated by one space
};

// At least one signature must be good: by a key of the keyring that is neither revoked nor expired,
// itself not expired, with SHA-256 or better. Signatures by keys that the keyring does not have
// count as absent (Debian signs with the keys of several releases); one that is wrong is never
// outvoted. kMalformed where the file is not one clear-signed message and nothing else (RFC 9580
// section 7); kUntrusted with gpgv's reasons; kNotFound for a keyring that does not exist; kIo
// without gpgv. `suite` is for messages.
Result<VerifiedRelease> VerifyInRelease(const std::string& in_release,
                                        const std::filesystem::path& keyring,
                                        const std::string& suite);

}  // namespace lethe::recipe
