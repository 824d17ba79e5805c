#include "trust/ssh_key.h"

#include <algorithm>

#include "base/base64.h"
#include "base/strings.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kCurve = "nistp256";
constexpr std::string_view kApplicationPrefix = "ssh:";

// The other types of OpenSSH, and of how many strings their keys consist. 0: not looked into.
struct OtherType {
  std::string_view name;
  int strings;
};
constexpr OtherType kOtherTypes[] = {
    {"ssh-ed25519", 1},
    {"ssh-rsa", 2},
    {"ssh-dss", 4},
    {"ecdsa-sha2-nistp256", 2},
    {"ecdsa-sha2-nistp384", 2},
    {"ecdsa-sha2-nistp521", 2},
    {"ssh-ed25519-cert-v01@openssh.com", 0},
    {"ssh-rsa-cert-v01@openssh.com", 0},
    {"ssh-dss-cert-v01@openssh.com", 0},
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", 0},
    {"ecdsa-sha2-nistp384-cert-v01@openssh.com", 0},
    {"ecdsa-sha2-nistp521-cert-v01@openssh.com", 0},
    {"sk-ssh-ed25519-cert-v01@openssh.com", 0},
    {"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 0},
    {"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", 0},
};

Error Malformed(std::string_view what) { return {ErrorCode::kMalformed, std::string(what)}; }

bool IsPrintable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The answer to a key that is not of our two types.
Error RefuseType(std::string_view type, SshReader& reader) {
  const auto* known = std::find_if(std::begin(kOtherTypes), std::end(kOtherTypes),
                                   [&](const OtherType& other) { return other.name == type; });
  if (known == std::end(kOtherTypes)) {
    constexpr size_t kShown = 64;
    return Malformed("'" + Printable(type.substr(0, kShown)) + "' is no type of SSH key");
  }
  for (int i = 0; i < known->strings; ++i) {
    const auto field = reader.String("field " + std::to_string(i + 1));
    if (!field) return field.error();
  }
  if (known->strings != 0) {
    if (const auto end = reader.Finish(); !end) return end.error();
  }
  return {ErrorCode::kUntrusted, "of type " + std::string(type) +
                                     ": only keys of FIDO authenticators are taken (ed25519-sk, "
                                     "ecdsa-sk)"};
}

Status CheckApplication(std::string_view application) {
  if (application.empty() || application.size() > kMaxApplicationBytes)
    return Malformed("an application of " + std::to_string(application.size()) + " bytes");
  if (!IsPrintable(application))
    return Malformed("application '" + Printable(application) + "' is not printable");
  if (!application.starts_with(kApplicationPrefix)) {
    return Error{ErrorCode::kUntrusted, "for application '" + Printable(application) +
                                            "': only those that begin with 'ssh:' are taken"};
  }
  return {};
}

Result<SshPublicKey> ParseBlob(std::string_view blob) {
  if (blob.size() > kMaxKeyBlobBytes)
    return Malformed(std::to_string(blob.size()) + " bytes, at most " +
                     std::to_string(kMaxKeyBlobBytes));
  SshReader reader(blob);
  const std::string_view type = LETHE_TRY(reader.String("the type"));
  SshPublicKey key;
  if (type == ToString(KeyType::kSkEcdsaP256)) {
    key.type = KeyType::kSkEcdsaP256;
    const std::string_view curve = LETHE_TRY(reader.String("the curve"));
    if (curve != kCurve) return Malformed("curve '" + Printable(curve) + "' is not nistp256");
  } else if (type != ToString(KeyType::kSkEd25519)) {
    return RefuseType(type, reader);
  }
  key.point = LETHE_TRY(reader.String("the point"));
  key.application = LETHE_TRY(reader.String("the application"));
  LETHE_TRY(reader.Finish());
  const bool good = key.type == KeyType::kSkEd25519 ? crypto::IsEd25519Point(key.point)
                                                    : crypto::IsP256Point(key.point);
  if (!good) return Malformed("its point is not one of the curve's group");
  LETHE_TRY(CheckApplication(key.application));
  return key;
}

Result<SshPublicKey> ParseLine(std::string_view line) {
  // Twice the blob is more than its base64 and its type; a comment is free.
  constexpr size_t kMaxLineBytes = 4 * kMaxKeyBlobBytes;
  if (line.size() > kMaxLineBytes)
    return Malformed("a line of " + std::to_string(line.size()) + " bytes");
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos)
    return Malformed("more than one line");
  const auto words = Words(line);
  if (words.size() < 2) return Malformed("not 'keytype base64'");
  const std::string blob = LETHE_TRY(Base64Decode(words[1]));
  SshReader reader(blob);
  const std::string_view type = LETHE_TRY(reader.String("the type"));
  if (type != words[0])
    return Malformed("the line says '" + Printable(words[0]) + "', the key '" + Printable(type) +
                     "'");
  return ParseBlob(blob);
}

}  // namespace

std::string_view ToString(KeyType type) {
  return type == KeyType::kSkEd25519 ? "sk-ssh-ed25519@openssh.com"
                                     : "sk-ecdsa-sha2-nistp256@openssh.com";
}

std::string SshPublicKey::Blob() const {
  return SshString(ToString(type)) + (type == KeyType::kSkEcdsaP256 ? SshString(kCurve) : "") +
         SshString(point) + SshString(application);
}

std::string SshPublicKey::Line() const {
  return std::string(ToString(type)) + " " + Base64Encode(Blob());
}

std::string SshPublicKey::Fingerprint() const {
  const auto digest = crypto::Sha256Of(Blob()).bytes;
  return "SHA256:" + Base64Encode({reinterpret_cast<const char*>(digest.data()), digest.size()},
                                  {.padding = false});
}

Result<SshPublicKey> ParseKeyBlob(std::string_view blob) {
  return LETHE_TRY_IN(ParseBlob(blob), "key");
}

Result<SshPublicKey> ParseKeyLine(std::string_view line) {
  return LETHE_TRY_IN(ParseLine(line), "key");
}

}  // namespace lethe::trust
