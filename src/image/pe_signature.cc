#include "image/pe_signature.h"

#include <algorithm>

#include "crypto/authenticode.h"

namespace lethe::image {
namespace {

// WIN_CERTIFICATE: dwLength, wRevision 2.0, wCertificateType PKCS_SIGNED_DATA.
constexpr size_t kHeaderBytes = 8;
constexpr std::string_view kRevisionAndType("\x00\x02\x02\x00", 4);
constexpr size_t kAlignment = 8;

Error BadSignature(std::string_view what) {
  return Error{ErrorCode::kMalformed, "certificate table: " + std::string(what)};
}

std::string Little32(uint64_t value) {
  std::string out(4, '\0');
  for (size_t i = 0; i < 4; ++i) out[i] = static_cast<char>(value >> (8 * i));
  return out;
}

uint32_t ReadLittle32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

crypto::Sha256Digest AuthenticodeDigest(std::string_view file, const PeImage& image) {
  crypto::Sha256 hash;
  hash.Update(file.substr(0, image.checksum_offset));
  const size_t after_checksum = image.checksum_offset + kPeChecksumBytes;
  hash.Update(file.substr(after_checksum, image.certificate_entry - after_checksum));
  const size_t after_entry = image.certificate_entry + kPeCertificateEntryBytes;
  hash.Update(file.substr(after_entry, image.content_bytes - after_entry));
  return hash.Finish();
}

Result<std::string_view> PeSignature(std::string_view file, const PeImage& image) {
  const std::string_view table = file.substr(image.content_bytes);
  if (table.empty()) return table;
  if (table.size() < kHeaderBytes || table.size() % kAlignment != 0)
    return BadSignature("has " + std::to_string(table.size()) + " bytes");
  const size_t length = ReadLittle32(table);
  // Some signers count the padding in, others do not.
  if (length <= kHeaderBytes || length > table.size() || table.size() - length >= kAlignment)
    return BadSignature("does not hold exactly one certificate");
  if (table.substr(4, 4) != kRevisionAndType) return BadSignature("holds no PKCS #7 signature");
  const std::string_view padded = table.substr(kHeaderBytes);
  const size_t size = LETHE_TRY_IN(crypto::DerBytes(padded), "certificate table");
  const std::string_view padding = padded.substr(size);
  if (padding.size() >= kAlignment || padding.find_first_not_of('\0') != std::string_view::npos) {
    return BadSignature("has bytes behind its signature");
  }
  return padded.substr(0, size);
}

Result<std::string> AttachPeSignature(std::string_view file, std::string_view pkcs7) {
  const PeImage image = LETHE_TRY(ReadPe(file));
  if (image.certificates_bytes != 0)
    return Error{ErrorCode::kConflict, "the image has a signature already: remove that first"};
  if (pkcs7.empty() || pkcs7.size() > crypto::kMaxAuthenticodeBytes)
    return Error{ErrorCode::kMalformed,
                 "a signature of " + std::to_string(pkcs7.size()) + " bytes"};
  const size_t padding = (kAlignment - pkcs7.size() % kAlignment) % kAlignment;
  const uint64_t length = kHeaderBytes + pkcs7.size() + padding;
  std::string out(file);
  out.replace(image.certificate_entry, kPeCertificateEntryBytes,
              Little32(image.content_bytes) + Little32(length));
  out += Little32(length);
  out += kRevisionAndType;
  out += pkcs7;
  out.append(padding, '\0');
  const PeImage attached = LETHE_TRY_IN(ReadPe(out), "attaching a signature");
  UpdatePeChecksum(out, attached);
  return out;
}

Result<std::string> RemovePeSignature(std::string_view file) {
  const PeImage image = LETHE_TRY(ReadPe(file));
  std::string out(file.substr(0, image.content_bytes));
  out.replace(image.certificate_entry, kPeCertificateEntryBytes, kPeCertificateEntryBytes, '\0');
  UpdatePeChecksum(out, image);
  return out;
}

}  // namespace lethe::image
