#include "trust/sshsig.h"

#include "base/base64.h"
#include "base/strings.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "crypto/sha512.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kMagic = "SSHSIG";
constexpr uint32_t kVersion = 1;
constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----";
constexpr std::string_view kEnd = "-----END SSH SIGNATURE-----";
constexpr size_t kArmourColumns = 70;

Error Malformed(std::string_view what) { return {ErrorCode::kMalformed, std::string(what)}; }

template <typename Digest>
std::string Bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string_view ToString(SshHash hash) { return hash == SshHash::kSha256 ? "sha256" : "sha512"; }

Result<SshHash> ReadHash(std::string_view name) {
  if (name == "sha256") return SshHash::kSha256;
  if (name == "sha512") return SshHash::kSha512;
  return Malformed("hash '" + Printable(name) + "' is neither sha256 nor sha512");
}

// The signature proper, of PROTOCOL.u2f: "type | raw | flags | counter".
Status ReadInner(std::string_view bytes, SshSignature& signature) {
  SshReader reader(bytes);
  const std::string_view type = LETHE_TRY(reader.String("the type of the signature"));
  const std::string_view own = ToString(signature.key.type);
  if (type != own) {
    if (type == "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" &&
        signature.key.type == KeyType::kSkEcdsaP256) {
      return Error{ErrorCode::kUntrusted,
                   "of type " + std::string(type) + ": signatures made in a browser are not taken"};
    }
    return Malformed("its type '" + Printable(type) + "' is not the key's, " + std::string(own));
  }
  const std::string_view raw = LETHE_TRY(reader.String("the signature"));
  signature.flags = LETHE_TRY(reader.Byte("the flags"));
  signature.counter = LETHE_TRY(reader.U32("the counter"));
  LETHE_TRY(reader.Finish());
  if (signature.key.type == KeyType::kSkEcdsaP256) {
    SshReader numbers(raw);
    const std::string_view r = LETHE_TRY(numbers.String("r"));
    const std::string_view s = LETHE_TRY(numbers.String("s"));
    LETHE_TRY(numbers.Finish());
    signature.raw = LETHE_TRY_IN(SshNumber32(r), "r") + LETHE_TRY_IN(SshNumber32(s), "s");
  } else if (raw.size() != crypto::kEd25519SignatureBytes) {
    return Malformed(std::to_string(raw.size()) + " bytes of Ed25519, must be 64");
  } else {
    signature.raw = raw;
  }
  return {};
}

Result<SshSignature> ParseBlob(std::string_view blob) {
  if (blob.size() > kMaxSshSignatureBytes)
    return Malformed(std::to_string(blob.size()) + " bytes, at most " +
                     std::to_string(kMaxSshSignatureBytes));
  SshReader reader(blob);
  if (LETHE_TRY(reader.Raw(kMagic.size(), "the magic")) != kMagic)
    return Malformed("does not begin with SSHSIG");
  const uint32_t version = LETHE_TRY(reader.U32("the version"));
  if (version != kVersion) return Malformed("version " + std::to_string(version) + ", must be 1");
  const std::string_view key = LETHE_TRY(reader.String("the key"));
  const std::string_view name_space = LETHE_TRY(reader.String("the namespace"));
  const std::string_view reserved = LETHE_TRY(reader.String("the reserved field"));
  const std::string_view hash = LETHE_TRY(reader.String("the hash's name"));
  const std::string_view inner = LETHE_TRY(reader.String("the inner signature"));
  LETHE_TRY(reader.Finish());
  if (name_space.empty()) return Malformed("an empty namespace");
  if (!reserved.empty()) return Malformed("the reserved field is not empty");
  SshSignature signature;
  signature.name_space = name_space;
  signature.hash = LETHE_TRY(ReadHash(hash));
  signature.key = LETHE_TRY(ParseKeyBlob(key));
  LETHE_TRY(ReadInner(inner, signature));
  return signature;
}

// The blob inside the armour.
Result<std::string> Unarmour(std::string_view armoured) {
  if (armoured.size() > kMaxSshSignatureBytes)
    return Malformed(std::to_string(armoured.size()) + " bytes, at most " +
                     std::to_string(kMaxSshSignatureBytes));
  const auto lines = Lines(armoured);
  if (lines.empty() || lines.front() != kBegin)
    return Malformed("does not begin with the line '" + std::string(kBegin) + "'");
  if (lines.size() < 3 || lines.back() != kEnd)
    return Malformed("does not end with the line '" + std::string(kEnd) + "'");
  std::string text;
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i].empty()) return Malformed("line " + std::to_string(i + 1) + " is empty");
    text += lines[i];
  }
  return Base64Decode(text);
}

// As a verdict: what is well-formed and not taken is by a key that no policy can know.
template <typename T>
Verdict<T> JudgeSignature(Result<T> parsed) {
  if (!parsed) return RefusalFrom(parsed.error().In("signature"), Reason::kUnknownKey);
  return std::move(parsed).value();
}

}  // namespace

Verdict<SshSignature> ParseSshSignatureBlob(std::string_view blob) {
  return JudgeSignature(ParseBlob(blob));
}

Verdict<SshSignature> ParseSshSignature(std::string_view armoured) {
  return ParseSshSignatureBlob(LETHE_TRY(JudgeSignature(Unarmour(armoured))));
}

std::string ArmourSshSignature(std::string_view blob) {
  const std::string text = Base64Encode(blob);
  std::string out = std::string(kBegin) + "\n";
  for (size_t at = 0; at < text.size(); at += kArmourColumns)
    out += text.substr(at, kArmourColumns) + "\n";
  return out + std::string(kEnd) + "\n";
}

std::string SshSignatureBlob(const SshSignature& signature) {
  constexpr size_t kHalf = crypto::kP256SignatureBytes / 2;
  const std::string_view raw = signature.raw;
  const std::string proper = signature.key.type == KeyType::kSkEd25519
                                 ? std::string(raw)
                                 : SshMpint(raw.substr(0, kHalf)) + SshMpint(raw.substr(kHalf));
  const std::string inner = SshString(ToString(signature.key.type)) + SshString(proper) +
                            static_cast<char>(signature.flags) + SshU32(signature.counter);
  return std::string(kMagic) + SshU32(kVersion) + SshString(signature.key.Blob()) +
         SshString(signature.name_space) + SshString("") + SshString(ToString(signature.hash)) +
         SshString(inner);
}

std::string SshFramedMessage(const SshSigned& what, SshHash hash) {
  const std::string digest = hash == SshHash::kSha256 ? Bytes(crypto::Sha256Of(what.message).bytes)
                                                      : Bytes(crypto::Sha512Of(what.message));
  return std::string(kMagic) + SshString(what.name_space) + SshString("") +
         SshString(ToString(hash)) + SshString(digest);
}

std::string AuthenticatorBytes(const Authenticator& by, std::string_view framed) {
  return Bytes(crypto::Sha256Of(by.application).bytes) + static_cast<char>(by.flags) +
         SshU32(by.counter) + Bytes(crypto::Sha256Of(framed).bytes);
}

Verdict<void> VerifySshSignature(const SshSignature& signature, const SshSigned& expected) {
  const std::string by = "signature by " + signature.key.Fingerprint();
  if (signature.name_space != expected.name_space) {
    return Refusal{Reason::kWrongNamespace, by + ": made for '" + Printable(signature.name_space) +
                                                "', not for '" + Printable(expected.name_space) +
                                                "'"};
  }
  if (!signature.touched())
    return Refusal{Reason::kNoTouch, by + ": nobody touched the authenticator"};
  const std::string bytes =
      AuthenticatorBytes({signature.key.application, signature.flags, signature.counter},
                         SshFramedMessage(expected, signature.hash));
  const bool good = signature.key.type == KeyType::kSkEd25519
                        ? crypto::VerifyEd25519({signature.key.point, signature.raw}, bytes)
                        : crypto::VerifyEcdsaP256({signature.key.point, signature.raw}, bytes);
  if (!good) return Refusal{Reason::kBadSignature, by + ": is not one of these bytes"};
  return {};
}

}  // namespace lethe::trust
