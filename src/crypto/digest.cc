#include "base/hex.h"
#include "crypto/sha256.h"

namespace lethe::crypto {

std::string Sha256Digest::Hex() const { return HexEncode(bytes); }

Result<Sha256Digest> Sha256Digest::FromHex(std::string_view hex) {
  const auto decoded = HexDecode(hex);
  Sha256Digest digest;
  if (!decoded || decoded->size() != digest.bytes.size()) {
    return Error{ErrorCode::kMalformed, "not a SHA-256 in 64 lower-case hexadecimal digits"};
  }
  std::copy(decoded->begin(), decoded->end(), digest.bytes.begin());
  return digest;
}

}  // namespace lethe::crypto
