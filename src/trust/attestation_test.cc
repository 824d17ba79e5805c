#include "trust/attestation.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/strings.h"
#include "trust/software_attestation.h"
#include "trust/ssh_wire.h"

namespace lethe::trust {
namespace {

constexpr std::string_view kChallenge = "a challenge of 32 bytes, fresh: ";

std::string Pem(const std::string& name) {
  return ReadFile(std::string(LETHE_VECTORS) + "/attestation/" + name + ".pem").value();
}

std::string Der(const std::string& name) {
  const std::string pem = Pem(name);
  std::string text;
  for (const std::string_view line : Lines(pem)) {
    if (!line.starts_with("-----")) text += line;
  }
  return Base64Decode(text).value();
}

// What a test may vary.
struct Parts {
  KeyType type = KeyType::kSkEd25519;
  AttestationFormat format = AttestationFormat::kPacked;
  SoftwareEnrolment enrolment = {.credential_id = "credential"};
  std::string certificate = "attestation";  // none: empty
  std::string challenge = std::string(kChallenge);
  std::string magic = "ssh-sk-attest-v01";
  uint32_t reserved_flags = 0;
  std::string reserved;
};

SshPublicKey KeyOf(const Parts& parts) {
  return SoftwareKey::ForTest("alice", parts.type).public_key();
}

std::string Blob(const Parts& parts) {
  const std::string data = SoftwareAuthenticatorData(KeyOf(parts), parts.enrolment);
  return SshString(parts.magic) +
         SshString(parts.certificate.empty() ? "" : Der(parts.certificate)) +
         SshString(SoftwareAttestationSignature(parts.format, {data, parts.challenge})) +
         SshString(CborBytes(data)) + SshU32(parts.reserved_flags) + SshString(parts.reserved);
}

Result<Attestation> Verify(const Parts& parts, const std::vector<std::string>& roots) {
  const SshPublicKey key = KeyOf(parts);
  return VerifyAttestation(Blob(parts), {key, kChallenge}, roots);
}
Result<Attestation> Verify(const Parts& parts) { return Verify(parts, {Pem("root")}); }

void ExpectRefused(const Result<Attestation>& attestation, ErrorCode code, std::string_view words) {
  ASSERT_FALSE(attestation) << words;
  EXPECT_EQ(ToString(attestation.error().code), ToString(code)) << attestation.error().message;
  EXPECT_TRUE(attestation.error().message.starts_with("attestation: "));
  EXPECT_NE(attestation.error().message.find(words), std::string::npos)
      << attestation.error().message << " instead of " << words;
}

TEST(Attestation, ProvesAKeyOfAKnownVendor) {
  for (const KeyType type : {KeyType::kSkEd25519, KeyType::kSkEcdsaP256}) {
    const auto found = Verify({.type = type, .enrolment = {.credential_id = "id", .counter = 7}});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->format, AttestationFormat::kPacked);
    EXPECT_EQ(found->aaguid, SoftwareAaguid());
    EXPECT_EQ(found->counter, 7U);
    EXPECT_FALSE(found->pin_verified);
    EXPECT_NE(found->vendor.find("CN=lethe-test-sk"), std::string::npos) << found->vendor;
  }
  EXPECT_TRUE(Verify({.enrolment = {.credential_id = "id", .flags = 0x45}})->pin_verified);
  // The format of U2F is for P-256 alone.
  const auto u2f = Verify({.type = KeyType::kSkEcdsaP256, .format = AttestationFormat::kFidoU2f});
  ASSERT_TRUE(u2f) << u2f.error().message;
  EXPECT_EQ(u2f->format, AttestationFormat::kFidoU2f);
  // Its signature does not cover the flags.
  const auto flagged = Verify({.type = KeyType::kSkEcdsaP256,
                               .format = AttestationFormat::kFidoU2f,
                               .enrolment = {.credential_id = "id", .flags = 0x45}});
  ASSERT_TRUE(flagged) << flagged.error().message;
  EXPECT_FALSE(flagged->pin_verified);
  ExpectRefused(Verify({.format = AttestationFormat::kFidoU2f}), ErrorCode::kUntrusted,
                "the signature is not one of this key and challenge");
}

TEST(Attestation, TakesOnlyVendorsThatThePolicyNames) {
  EXPECT_TRUE(Verify({}, {Pem("other_root"), Pem("root")}));
  ExpectRefused(Verify({}, {Pem("other_root")}), ErrorCode::kUntrusted, "no trusted root issued");
  ExpectRefused(Verify({}, {}), ErrorCode::kUntrusted, "no trusted root issued");
  ExpectRefused(Verify({.certificate = "below_intermediate"}), ErrorCode::kUntrusted,
                "no trusted root issued");
  EXPECT_TRUE(Verify({.certificate = "below_intermediate"}, {Pem("intermediate")}));
  ExpectRefused(Verify({.certificate = "other_model"}), ErrorCode::kUntrusted,
                "is for another model");
  ExpectRefused(Verify({.certificate = "authority"}), ErrorCode::kUntrusted,
                "it is one of an authority");
  ExpectRefused(Verify({.certificate = ""}), ErrorCode::kUntrusted,
                "no certificate: the authenticator does not say who made it");
}

TEST(Attestation, IsOfThisKeyAndThisChallenge) {
  const Parts parts;
  const std::string blob = Blob(parts);
  const std::vector<std::string> roots = {Pem("root")};
  const SshPublicKey other = SoftwareKey::ForTest("bob").public_key();
  ExpectRefused(VerifyAttestation(blob, {other, kChallenge}, roots), ErrorCode::kUntrusted,
                "about another key");
  SshPublicKey elsewhere = KeyOf(parts);
  elsewhere.application = "ssh:other";
  ExpectRefused(VerifyAttestation(blob, {elsewhere, kChallenge}, roots), ErrorCode::kUntrusted,
                "made for another application");
  ExpectRefused(Verify({.challenge = "another challenge, also 32 byte."}), ErrorCode::kUntrusted,
                "the signature is not one of this key and challenge");
  ExpectRefused(Verify({.enrolment = {.credential_id = "id", .flags = 0x40}}),
                ErrorCode::kUntrusted, "nobody touched the authenticator when the key was made");
  const SshPublicKey key = KeyOf(parts);
  ExpectRefused(VerifyAttestation(blob, {key, "short"}, roots), ErrorCode::kMalformed,
                "a challenge of 5 bytes");
}

TEST(Attestation, RefusesEveryPartAndEveryFlippedByte) {
  const Parts parts;
  const SshPublicKey key = KeyOf(parts);
  const std::string blob = Blob(parts);
  const std::vector<std::string> roots = {Pem("root")};
  for (size_t size = 0; size < blob.size(); ++size) {
    const auto cut = VerifyAttestation(blob.substr(0, size), {key, kChallenge}, roots);
    ASSERT_FALSE(cut) << size;
    EXPECT_EQ(cut.error().code, ErrorCode::kMalformed) << size << ": " << cut.error().message;
  }
  ExpectRefused(VerifyAttestation(blob + '\0', {key, kChallenge}, roots), ErrorCode::kMalformed,
                "behind the last field");
  for (size_t at = 0; at < blob.size(); ++at) {
    std::string flipped = blob;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_FALSE(VerifyAttestation(flipped, {key, kChallenge}, roots)) << at;
  }
}

TEST(Attestation, RefusesFieldsThatAreNotOfTheFormat) {
  ExpectRefused(Verify({.magic = "ssh-sk-attest-v00"}), ErrorCode::kMalformed,
                "format 'ssh-sk-attest-v00' is not ssh-sk-attest-v01");
  ExpectRefused(Verify({.reserved_flags = 1}), ErrorCode::kMalformed, "a reserved field");
  ExpectRefused(Verify({.reserved = "x"}), ErrorCode::kMalformed, "a reserved field");
  const Parts parts;
  const SshPublicKey key = KeyOf(parts);
  ExpectRefused(
      VerifyAttestation(std::string(kMaxAttestationBytes + 1, 'x'), {key, kChallenge}, {}),
      ErrorCode::kMalformed, "at most 32768");
  ExpectRefused(Verify({}, {"no certificate"}), ErrorCode::kMalformed, "");
}

TEST(AuthenticatorData, IsReadToTheLastByte) {
  const SshPublicKey key = KeyOf({});
  const std::string data = SoftwareAuthenticatorData(key, {.credential_id = "credential"});
  const auto parsed = ParseAuthenticatorData(data);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->point, key.point);
  EXPECT_EQ(parsed->credential_id, "credential");
  const auto malformed = [](const std::string& bytes) {
    const auto answer = ParseAuthenticatorData(bytes);
    EXPECT_FALSE(answer);
    return answer ? std::string() : answer.error().message;
  };
  for (size_t size = 0; size < data.size(); ++size) malformed(data.substr(0, size));
  malformed(data + '\0');
  EXPECT_EQ(malformed(SoftwareAuthenticatorData(key, {.credential_id = "id", .flags = 0x01})),
            "authenticator data without a key");
  EXPECT_NE(malformed(SoftwareAuthenticatorData(key, {.credential_id = std::string(1025, 'i')}))
                .find("a credential ID of 1025 bytes"),
            std::string::npos);
  // Extensions: one item that is passed over, where a flag announces it.
  const std::string extended =
      SoftwareAuthenticatorData(key, {.credential_id = "id", .flags = 0xc1});
  malformed(extended);
  EXPECT_TRUE(ParseAuthenticatorData(extended + "\xa1\x61x\xf5"));
  malformed(extended + "\xa1\x61x\xf5\x01");
  // A COSE key with a label twice, of another algorithm, with a part missing.
  const std::string head = data.substr(0, data.size() - 42);
  const std::string x = CborBytes(key.point);
  using namespace std::string_literals;
  ASSERT_TRUE(ParseAuthenticatorData(head + "\xa4\x01\x01\x03\x27\x20\x06\x21"s + x));
  EXPECT_EQ(malformed(head + "\xa5\x01\x01\x01\x01\x03\x27\x20\x06\x21"s + x),
            "COSE key: label 1 twice");
  const std::string neither = "COSE key: neither Ed25519 nor P-256 with the parts of one";
  EXPECT_EQ(malformed(head + "\xa4\x01\x01\x03\x26\x20\x06\x21"s + x), neither);
  EXPECT_EQ(malformed(head + "\xa4\x01\x02\x03\x26\x20\x01\x21"s + x), neither);
  EXPECT_EQ(malformed(head + "\xa3\x01\x01\x03\x27\x20\x06"s), neither);
  EXPECT_EQ(malformed(head + "\xa4\x01\x01\x03\x27\x20\x06\x21"s + CborBytes("short")), neither);
}

}  // namespace
}  // namespace lethe::trust
