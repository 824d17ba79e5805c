// The public keys of machines that a policy names: builders, logs and their witnesses. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "trust/policy.h"

namespace lethe::trust {

// Algorithm bytes of a signed note's verifier keys (c2sp.org/signed-note).
enum class NoteAlgorithm : uint8_t { kEd25519 = 0x01, kCosignatureV1 = 0x04 };

// "name+keyid+base64". kMalformed for another algorithm, a key ID that is not the key's, a name
// with spaces or '+'.
Result<NoteKey> ParseNoteKey(std::string_view line, NoteAlgorithm algorithm);

// SubjectPublicKeyInfo as PEM ("-----BEGIN PUBLIC KEY-----") or as the same base64 on one line;
// returns its DER. kMalformed for anything but a key of Ed25519, or a point on P-256.
Result<std::string> ParsePublicKeyInfo(std::string_view text);

}  // namespace lethe::trust
