#include "apps/lethe/ssh_sign.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/subprocess.h"

namespace lethe::cli {
namespace {

// The public key where `key` is the file of one, else where it lies beside the private one.
std::filesystem::path PublicFile(const std::filesystem::path& key) {
  auto beside = key;
  if (beside.extension() != ".pub") beside += ".pub";
  return beside;
}

// For the message alone.
std::string KeyName(const std::filesystem::path& key) {
  const auto line = ReadFile(PublicFile(key), trust::kMaxSshSignatureBytes);
  const auto parsed = line ? trust::ParseKeyLine(*line) : line.error();
  return parsed ? key.string() + " (" + parsed->Fingerprint() + ")" : key.string();
}

}  // namespace

trust::Verdict<std::string> PersonOfKey(const trust::Policy& policy,
                                        const std::filesystem::path& key,
                                        const trust::KeyUse& use) {
  const auto file = PublicFile(key);
  const auto line = ReadFile(file, trust::kMaxSshSignatureBytes);
  if (!line) return std::string();
  const auto parsed = LETHE_TRY_IN(
      trust::Judge(trust::ParseKeyLine(*line), trust::Reason::kUnknownKey), file.string());
  return LETHE_TRY(trust::FindKey(policy, parsed, use))->person;
}

Result<SignedMessage> SignWithSsh(const SshSigning& signing, std::string_view message) {
  const ScratchDir scratch =
      LETHE_TRY(ScratchDir::Create(std::filesystem::temp_directory_path(), "lethe-sign-"));
  const auto file = scratch.path() / "message";
  LETHE_TRY(WriteFileAtomic(file, message, 0600));
  fmt::print(stderr, "signing for '{}' with {}: touch the key when it blinks\n", signing.name_space,
             KeyName(signing.key));
  // A file, not a pipe: ssh-keygen reads a PIN from the terminal either way.
  (void)LETHE_TRY_IN(
      RunChecked({.argv = {"ssh-keygen", "-q", "-Y", "sign", "-f", signing.key.string(), "-n",
                           signing.name_space, file.string()},
                  .package = kSshKeygenPackage}),
      "signing with " + signing.key.string());
  SignedMessage out;
  out.armoured = LETHE_TRY(ReadFile(file.string() + ".sig", trust::kMaxSshSignatureBytes));
  auto parsed = trust::ParseSshSignature(out.armoured);
  if (!parsed) return parsed.error().AsError().In(signing.key.string());
  out.signature = std::move(parsed).value();
  const auto good = trust::VerifySshSignature(out.signature, {message, signing.name_space});
  if (!good) return good.error().AsError().In(signing.key.string());
  if (signing.pin && !out.signature.pin_verified()) {
    return Error{ErrorCode::kUntrusted,
                 signing.key.string() +
                     ": signed without a PIN, which the policy asks for (a key made with "
                     "'ssh-keygen -O verify-required' always asks)"};
  }
  if (out.signature.key.IsTestKey()) {
    fmt::print(stderr,
               "WARNING: signed by a software key ({}): it proves nothing, and only a policy that "
               "allows test keys takes it\n",
               out.signature.key.Fingerprint());
  }
  return out;
}

}  // namespace lethe::cli
