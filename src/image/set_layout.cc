#include "image/set_layout.h"

namespace lethe::image {

constexpr std::string_view kObjectsPrefix = "objects/";

std::string ObjectName(const crypto::Sha256Digest& digest) {
  const std::string hex = digest.Hex();
  return std::string(kObjectsPrefix) + hex.substr(0, 2) + "/" + hex;
}

std::optional<crypto::Sha256Digest> DigestOfName(std::string_view name) {
  if (!name.starts_with(kObjectsPrefix)) return {};
  const auto digest = crypto::Sha256Digest::FromHex(name.substr(name.rfind('/') + 1));
  if (!digest || ObjectName(*digest) != name) return {};
  return *digest;
}

}  // namespace lethe::image
