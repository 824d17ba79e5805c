#include "trust/attestation.h"

#include <map>
#include <optional>

#include "base/strings.h"
#include "crypto/attestation_certificate.h"
#include "crypto/ecdsa.h"
#include "crypto/ed25519.h"
#include "crypto/sha256.h"
#include "trust/cbor.h"
#include "trust/ssh_wire.h"
#include "trust/sshsig.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kMagic = "ssh-sk-attest-v01";
constexpr size_t kSha256Bytes = 32;
constexpr size_t kMaxCredentialIdBytes = 1024;
constexpr uint8_t kFlagAttested = 0x40;    // a key follows
constexpr uint8_t kFlagExtensions = 0x80;  // a map follows the key

// COSE_Key (RFC 9052, 7.1; RFC 9053, 7).
constexpr int64_t kCoseType = 1;
constexpr int64_t kCoseAlgorithm = 3;
constexpr int64_t kCoseCurve = -1;
constexpr int64_t kCoseX = -2;
constexpr int64_t kCoseY = -3;
constexpr int64_t kTypeOkp = 1;
constexpr int64_t kTypeEc2 = 2;
constexpr int64_t kAlgorithmEdDsa = -8;
constexpr int64_t kAlgorithmEs256 = -7;
constexpr int64_t kCurveEd25519 = 6;
constexpr int64_t kCurveP256 = 1;

Error Malformed(std::string_view what) { return {ErrorCode::kMalformed, std::string(what)}; }
Error Untrusted(std::string_view what) { return {ErrorCode::kUntrusted, std::string(what)}; }

std::string Sha256Bytes(std::string_view bytes) {
  const auto digest = crypto::Sha256Of(bytes).bytes;
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The members of a COSE_Key; its values are integers and byte strings.
Status ReadCoseKey(CborReader& reader, AuthenticatorData& data) {
  std::map<int64_t, int64_t> numbers;
  std::map<int64_t, std::string> strings;
  const uint64_t pairs = LETHE_TRY(reader.MapSize());
  for (uint64_t i = 0; i < pairs; ++i) {
    const int64_t label = LETHE_TRY(reader.Integer());
    if (numbers.contains(label) || strings.contains(label))
      return Malformed("COSE key: label " + std::to_string(label) + " twice");
    if (reader.AtInteger()) {
      numbers[label] = LETHE_TRY(reader.Integer());
    } else {
      strings[label] = LETHE_TRY(reader.ByteString());
    }
  }
  const auto is = [&](int64_t type, int64_t algorithm, int64_t curve) {
    return numbers == std::map<int64_t, int64_t>{
                          {kCoseType, type}, {kCoseAlgorithm, algorithm}, {kCoseCurve, curve}};
  };
  if (is(kTypeOkp, kAlgorithmEdDsa, kCurveEd25519) && strings.size() == 1) {
    data.type = KeyType::kSkEd25519;
    data.point = strings[kCoseX];
    if (data.point.size() == crypto::kEd25519PublicBytes) return {};
  } else if (is(kTypeEc2, kAlgorithmEs256, kCurveP256) && strings.size() == 2) {
    data.type = KeyType::kSkEcdsaP256;
    data.point = "\x04" + strings[kCoseX] + strings[kCoseY];
    if (strings[kCoseX].size() == 32 && data.point.size() == crypto::kP256PointBytes) return {};
  }
  return Malformed("COSE key: neither Ed25519 nor P-256 with the parts of one");
}

struct Fields {
  std::string_view certificate;
  std::string_view signature;
  std::string_view data;  // authenticator data
};

Result<Fields> ReadBlob(std::string_view blob) {
  if (blob.size() > kMaxAttestationBytes)
    return Malformed(std::to_string(blob.size()) + " bytes, at most " +
                     std::to_string(kMaxAttestationBytes));
  SshReader reader(blob);
  const std::string_view magic = LETHE_TRY(reader.String("the name of the format"));
  if (magic != kMagic)
    return Malformed("format '" + Printable(magic.substr(0, 64)) + "' is not " +
                     std::string(kMagic));
  Fields fields;
  fields.certificate = LETHE_TRY(reader.String("the certificate"));
  fields.signature = LETHE_TRY(reader.String("the signature"));
  CborReader data(LETHE_TRY(reader.String("the authenticator data")));
  const uint32_t flags = LETHE_TRY(reader.U32("the reserved flags"));
  const std::string_view reserved = LETHE_TRY(reader.String("the reserved field"));
  LETHE_TRY(reader.Finish());
  if (flags != 0 || !reserved.empty()) return Malformed("a reserved field is not empty");
  fields.data = LETHE_TRY(data.ByteString());
  LETHE_TRY(data.Finish());
  return fields;
}

Status CheckSubject(const AuthenticatorData& data, const AttestationSubject& subject) {
  if (data.application_sha256 != Sha256Bytes(subject.key.application))
    return Untrusted("made for another application than '" + Printable(subject.key.application) +
                     "'");
  if (data.type != subject.key.type || data.point != subject.key.point)
    return Untrusted("about another key than " + subject.key.Fingerprint());
  if ((data.flags & kFlagUserPresent) == 0)
    return Untrusted("nobody touched the authenticator when the key was made");
  return {};
}

Result<Attestation> Verify(std::string_view blob, const AttestationSubject& subject,
                           const std::vector<std::string>& roots_pem) {
  const Fields fields = LETHE_TRY(ReadBlob(blob));
  if (fields.certificate.empty())
    return Untrusted("no certificate: the authenticator does not say who made it");
  const AuthenticatorData data = LETHE_TRY(ParseAuthenticatorData(fields.data));
  const auto certificate =
      LETHE_TRY(crypto::VerifyAttestationCertificate(fields.certificate, roots_pem));
  LETHE_TRY(CheckSubject(data, subject));
  if (certificate.aaguid && *certificate.aaguid != data.aaguid)
    return Untrusted("the certificate of " + certificate.subject + " is for another model");
  for (const auto format : {AttestationFormat::kPacked, AttestationFormat::kFidoU2f}) {
    if (format == AttestationFormat::kFidoU2f && data.type != KeyType::kSkEcdsaP256) continue;
    const std::string message = AttestationMessage(format, data, {fields.data, subject.challenge});
    if (!crypto::VerifyEcdsaP256Der({certificate.point, fields.signature}, message)) continue;
    // The flags are under the signature in one format only.
    const bool pin = format == AttestationFormat::kPacked && (data.flags & kFlagUserVerified) != 0;
    return Attestation{format, certificate.subject, data.aaguid, pin, data.counter};
  }
  return Untrusted("the signature is not one of this key and challenge by " + certificate.subject);
}

}  // namespace

std::string_view ToString(AttestationFormat format) {
  return format == AttestationFormat::kPacked ? "packed" : "fido-u2f";
}

Result<AuthenticatorData> ParseAuthenticatorData(std::string_view bytes) {
  SshReader reader(bytes);  // fields of fixed size, big-endian, as SSH has them
  AuthenticatorData data;
  data.application_sha256 = LETHE_TRY(reader.Raw(kSha256Bytes, "the application's hash"));
  data.flags = LETHE_TRY(reader.Byte("the flags"));
  data.counter = LETHE_TRY(reader.U32("the counter"));
  if ((data.flags & kFlagAttested) == 0) return Malformed("authenticator data without a key");
  data.aaguid = LETHE_TRY(reader.Raw(crypto::kAaguidBytes, "the AAGUID"));
  const std::string_view size = LETHE_TRY(reader.Raw(2, "the size of the credential ID"));
  const size_t id_bytes =
      static_cast<size_t>(static_cast<uint8_t>(size[0])) << 8 | static_cast<uint8_t>(size[1]);
  if (id_bytes > kMaxCredentialIdBytes)
    return Malformed("a credential ID of " + std::to_string(id_bytes) + " bytes");
  data.credential_id = LETHE_TRY(reader.Raw(id_bytes, "the credential ID"));
  CborReader cbor(bytes.substr(kSha256Bytes + 1 + 4 + crypto::kAaguidBytes + 2 + id_bytes));
  LETHE_TRY(ReadCoseKey(cbor, data));
  if ((data.flags & kFlagExtensions) != 0) LETHE_TRY(cbor.Skip());
  LETHE_TRY(cbor.Finish());
  return data;
}

std::string AttestationMessage(AttestationFormat format, const AuthenticatorData& parsed,
                               const AttestationBytes& bytes) {
  const std::string challenge = Sha256Bytes(bytes.challenge);
  if (format == AttestationFormat::kPacked) return std::string(bytes.data) + challenge;
  return std::string(1, '\0') + parsed.application_sha256 + challenge + parsed.credential_id +
         parsed.point;
}

Result<Attestation> VerifyAttestation(std::string_view blob, const AttestationSubject& subject,
                                      const std::vector<std::string>& roots_pem) {
  if (subject.challenge.size() < kMinChallengeBytes) {
    return Malformed("attestation: a challenge of " + std::to_string(subject.challenge.size()) +
                     " bytes, at least " + std::to_string(kMinChallengeBytes));
  }
  return LETHE_TRY_IN(Verify(blob, subject, roots_pem), "attestation");
}

}  // namespace lethe::trust
