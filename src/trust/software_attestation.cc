#include "trust/software_attestation.h"

#include "crypto/sha256.h"

namespace lethe::trust {
namespace {

std::string Sha256Bytes(std::string_view bytes) {
  const auto digest = crypto::Sha256Of(bytes).bytes;
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
  return out;
}

// COSE_Key: a map of integers and byte strings, in the order of CTAP2.
std::string CoseKey(const SshPublicKey& key) {
  using namespace std::string_literals;
  if (key.type == KeyType::kSkEd25519)
    return "\xa4\x01\x01\x03\x27\x20\x06\x21"s + CborBytes(key.point);
  return "\xa5\x01\x02\x03\x26\x20\x01\x21"s + CborBytes(key.point.substr(1, 32)) + "\x22"s +
         CborBytes(key.point.substr(33));
}

}  // namespace

std::string SoftwareAaguid() { return Sha256Bytes("lethe-test-sk").substr(0, 16); }

crypto::EcdsaP256Key SoftwareVendorKey() {
  return *crypto::EcdsaP256Key::FromScalar(Sha256Bytes("lethe test only: attestation"));
}

std::string CborBytes(std::string_view bytes) {
  constexpr uint8_t kByteString = 0x40;
  const size_t size = bytes.size();
  std::string head(1, static_cast<char>(kByteString | size));
  if (size >= 24) head = static_cast<char>(kByteString | 24) + BigEndian(size, 1);
  if (size > 0xff) head = static_cast<char>(kByteString | 25) + BigEndian(size, 2);
  LETHE_ASSERT(size <= 0xffff);
  return head + std::string(bytes);
}

std::string SoftwareAuthenticatorData(const SshPublicKey& key, const SoftwareEnrolment& enrolment) {
  return Sha256Bytes(key.application) + static_cast<char>(enrolment.flags) +
         BigEndian(enrolment.counter, 4) + enrolment.aaguid +
         BigEndian(enrolment.credential_id.size(), 2) + enrolment.credential_id + CoseKey(key);
}

std::string SoftwareAttestationSignature(AttestationFormat format, const AttestationBytes& bytes) {
  const auto parsed = ParseAuthenticatorData(bytes.data);
  LETHE_ASSERT(parsed.has_value());
  return SoftwareVendorKey().SignDer(AttestationMessage(format, *parsed, bytes));
}

}  // namespace lethe::trust
