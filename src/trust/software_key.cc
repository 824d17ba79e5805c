#include "trust/software_key.h"

#include "base/strings.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"

namespace lethe::trust {

Result<SoftwareKey> SoftwareKey::Create(const Options& options) {
  if (!options.application.starts_with(kTestApplication)) {
    return Error{ErrorCode::kUsage, "a software key for application '" +
                                        Printable(options.application) + "': it must begin with '" +
                                        std::string(kTestApplication) + "'"};
  }
  SshPublicKey key{options.type, {}, options.application};
  if (options.type == KeyType::kSkEcdsaP256) {
    const auto pair = crypto::EcdsaP256Key::FromScalar(options.secret);
    if (pair) key.point = pair->point();
  } else if (options.secret.size() == crypto::kEd25519SeedBytes) {
    key.point = crypto::Ed25519Key(options.secret).public_key();
  }
  if (key.point.empty()) return Error{ErrorCode::kUsage, "no secret of a key of this type"};
  return SoftwareKey(std::move(key), options.secret);
}

SoftwareKey SoftwareKey::ForTest(std::string_view name, KeyType type) {
  const auto secret = crypto::Sha256Of("lethe test key " + std::string(name)).bytes;
  return Create({.type = type,
                 .secret = {reinterpret_cast<const char*>(secret.data()), secret.size()}})
      .value();
}

std::string SoftwareKey::Sign(const Authenticator& by, std::string_view framed) const {
  const std::string bytes = AuthenticatorBytes(by, framed);
  if (public_key_.type == KeyType::kSkEd25519) return crypto::Ed25519Key(secret_).Sign(bytes);
  return crypto::EcdsaP256Key::FromScalar(secret_)->Sign(bytes);
}

std::string SoftwareKey::SignSsh(const SshSigned& what, const Answer& answer) const {
  const std::string raw = Sign({public_key_.application, answer.flags, answer.counter},
                               SshFramedMessage(what, answer.hash));
  return ArmourSshSignature(SshSignatureBlob(
      {public_key_, std::string(what.name_space), answer.hash, raw, answer.flags, answer.counter}));
}

}  // namespace lethe::trust
